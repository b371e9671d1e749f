//! Reading the sets of a recipe, and the flags that name them.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::Args;
use rayon::prelude::*;
use unlearn_core::recipe::ChatSection;
use unlearn_core::{Recipe, RecipeError};
use unlearn_data::{DataError, Encoder, Row, TokenRow, read};
use unlearn_engine::{EngineError, LanguageModel};
use unlearn_eval::attacks;
use unlearn_eval::benchmarks::{self, Loaded, Source};
use unlearn_eval::metrics::{self, Metric};
use unlearn_eval::{EvalError, EvalSet};

use super::shadows;
use crate::context::Context;
use crate::failure::Refusal;

/// Flags that name a model and the sets.
#[derive(Debug, Clone, Default, Args)]
pub struct SetFlags {
    /// What must go
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub forget: Vec<PathBuf>,
    /// What must keep working
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub retain: Vec<PathBuf>,
    /// Rows of the same kind that no model saw
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub holdout: Vec<PathBuf>,
    /// A further set to evaluate, under a name of its own; may be repeated
    #[arg(long, value_name = "NAME=FILE")]
    pub also: Vec<String>,
}

impl SetFlags {
    /// The flags as assignments of recipe fields.
    pub fn assignments(&self) -> Result<Vec<String>> {
        let mut all = Vec::new();
        for (field, paths) in [("forget", &self.forget), ("retain", &self.retain), ("holdout", &self.holdout)] {
            if !paths.is_empty() {
                all.push(format!("data.{field}={}", list(paths)));
            }
        }
        for also in &self.also {
            let Some((name, path)) = also.split_once('=').filter(|(n, p)| plain(n) && !p.is_empty()) else {
                let message = format!("`--also {also}` is not of the form `NAME=FILE`");
                return Err(Refusal::new(message, "for example `--also neighbour=neighbour.jsonl`").into());
            };
            all.push(format!("data.also.{name}={}", list(&[PathBuf::from(path)])));
        }
        Ok(all)
    }
}

fn plain(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
}

/// An assignment of a path to a field.
pub fn path_assignment(field: &str, path: &Path) -> String {
    format!("{field}={}", text(path))
}

/// The retrained models as assignments: the first, then those from other seeds.
pub fn retrained_assignments(paths: &[PathBuf]) -> Vec<String> {
    let Some((first, others)) = paths.split_first() else { return Vec::new() };
    let others = (!others.is_empty()).then(|| paths_assignment("model.retrained_also", others));
    std::iter::once(path_assignment("model.retrained", first)).chain(others).collect()
}

/// An assignment of several paths to a field.
pub fn paths_assignment(field: &str, paths: &[PathBuf]) -> String {
    format!("{field}={}", list(paths))
}

fn text(path: &Path) -> toml::Value {
    toml::Value::String(path.to_string_lossy().into_owned())
}

fn list(paths: &[PathBuf]) -> toml::Value {
    toml::Value::Array(paths.iter().map(|p| text(p)).collect())
}

/// The recipe of a command: the file, then the command's own flags, then `--set` and `--seed`.
///
/// A method or a metric that cannot be used is refused here, where the recipe's file can be named.
pub fn recipe(context: &Context, file: Option<&Path>, flags: Vec<String>) -> Result<Recipe> {
    recipe_over(context, file, flags, Vec::new())
}

/// [`recipe`] with assignments that go over all others.
pub fn recipe_over(context: &Context, file: Option<&Path>, flags: Vec<String>, last: Vec<String>) -> Result<Recipe> {
    let mut assignments = flags;
    assignments.extend(context.common.set.iter().cloned());
    assignments.extend(context.common.seed.map(|s| format!("seed={s}")));
    assignments
        .extend(context.common.precision.as_ref().map(|p| format!("precision={}", toml::Value::String(p.clone()))));
    assignments.extend(last);
    let recipe = Recipe::read(file, &assignments)?;
    let checked = check_names(&recipe);
    match file {
        Some(path) => checked.with_context(|| format!("the recipe is not valid in `{}`", path.display()))?,
        None => checked?,
    }
    context.compute(&recipe);
    Ok(recipe)
}

fn check_names(recipe: &Recipe) -> Result<()> {
    attacks::chosen(recipe.attack.suite.as_deref(), &recipe.attack.names, &recipe.attack.own)?;
    if recipe.method.contains_key("name") {
        unlearn_methods::method(&recipe.method)?;
    }
    metrics::by_name(&recipe.eval.metrics)?;
    Ok(())
}

/// `[chat]` for a command without a recipe: that of `--set`, and a system prompt over it.
pub fn chat(context: &Context, system: Option<&str>) -> Result<ChatSection> {
    let mut chat = recipe(context, None, Vec::new())?.chat;
    chat.system = system.map(str::to_owned).or(chat.system);
    Ok(chat)
}

/// Refuses rows that do not fit the model, other than those with no answer.
pub fn check_answerable(model: &LanguageModel, encoder: &Encoder, rows: &[Row]) -> Result<()> {
    for row in rows {
        match check(model, encoder, std::slice::from_ref(row)) {
            Err(e) if matches!(e.downcast_ref(), Some(DataError::NoAnswer { .. })) => {}
            other => drop(other?),
        }
    }
    Ok(())
}

/// Encodes rows, and refuses those that are longer than the model's context.
pub fn check(model: &LanguageModel, encoder: &Encoder, rows: &[Row]) -> Result<Vec<TokenRow>> {
    let context = model.decoder.config().context;
    // The first row that is wrong is named, whichever thread finds one first.
    let encoded = rows.par_iter().map(|row| {
        let tokens = encoder.encode(row)?;
        if tokens.ids.len() > context {
            let (path, line, length) = (row.path.to_path_buf(), row.line, tokens.ids.len());
            return Err(EngineError::TooLong { path, line, length, context }.into());
        }
        Ok(tokens)
    });
    encoded.collect::<Vec<_>>().into_iter().collect()
}

/// The sets to evaluate, in the order `forget`, `retain`, further ones, `holdout`, a benchmark's.
pub fn eval_sets(recipe: &Recipe) -> Result<Vec<EvalSet>> {
    let data = &recipe.data;
    let mut named: Vec<(&str, &[PathBuf])> = vec![("forget", &data.forget), ("retain", &data.retain)];
    named.extend(data.also.iter().map(|(n, p)| (n.as_str(), p.as_slice())));
    named.push(("holdout", &data.holdout));
    let filled = named.into_iter().filter(|(_, paths)| !paths.is_empty());
    let read = |(name, paths): (&str, &[PathBuf])| Ok(EvalSet::new(name, read::all_rows(paths, data.limit)?));
    let mut sets = filled.map(read).collect::<Result<Vec<_>>>()?;
    for set in benchmark(recipe)?.into_iter().flat_map(|loaded| loaded.sets) {
        if sets.iter().any(|s| s.name == set.name) {
            let message = format!("the benchmark has a set `{0}`, and the recipe another `{0}`", set.name);
            return Err(
                Refusal::new(message, "give the recipe's set another name, or leave it to the benchmark").into()
            );
        }
        sets.push(set.into());
    }
    Ok(sets)
}

/// The recipe's benchmark, read from its folder.
pub fn benchmark(recipe: &Recipe) -> Result<Option<Loaded>> {
    let eval = &recipe.eval;
    let Some(name) = &eval.benchmark else { return Ok(None) };
    let known = benchmarks::by_name(name).map_err(EvalError::from)?;
    let Some(folder) = &eval.benchmark_data else {
        let hint = format!("give `--data DIR`, the folder of its published files (`unlearn benchmarks show {name}`)");
        return Err(RecipeError::Missing { field: "eval.benchmark_data", hint }.into());
    };
    let source =
        Source { split: eval.benchmark_split.clone(), limit: recipe.data.limit, ..Source::new(folder.clone()) };
    Ok(Some((known.load)(&source)?))
}

/// The metrics that a recipe asks for: those it names, those of its benchmark, or the usual ones.
pub fn metrics(recipe: &Recipe) -> Result<Vec<&'static Metric>> {
    let mut names = recipe.eval.metrics.clone();
    if let (true, Some(loaded)) = (names.is_empty(), benchmark(recipe)?) {
        names = loaded.metrics().into_iter().map(str::to_owned).collect();
    }
    Ok(metrics::by_name(&names)?)
}

/// A run's inputs by role, for their digests. A benchmark that cannot be read has none; that it cannot is said elsewhere.
pub fn inputs(recipe: &Recipe) -> Vec<(String, PathBuf)> {
    let (model, data) = (&recipe.model, &recipe.data);
    let mut all: Vec<(String, PathBuf)> = Vec::new();
    all.extend(model.path.iter().map(|p| ("model".to_owned(), p.clone())));
    all.extend(model.reference.iter().map(|p| ("reference".to_owned(), p.clone())));
    all.extend(model.retrained.iter().map(|p| ("retrained".to_owned(), p.clone())));
    for (i, path) in model.retrained_also.iter().enumerate() {
        all.push((format!("retrained-also.{i}"), path.clone()));
    }
    let files = benchmark(recipe).ok().flatten().map(|loaded| loaded.files).unwrap_or_default();
    all.extend(files.into_iter().enumerate().map(|(i, path)| (format!("benchmark.{i}"), path)));
    for (i, path) in model.shadows.iter().enumerate() {
        all.push((format!("shadow.{i}"), path.clone()));
        all.extend(shadows::list(path).map(|list| (format!("shadow.{i}.in"), list)));
    }
    all.extend(data.refusals.iter().map(|p| ("refusals".to_owned(), p.clone())));
    let sets = [
        ("train", &data.train),
        ("forget", &data.forget),
        ("retain", &data.retain),
        ("alternate", &data.alternate),
        ("holdout", &data.holdout),
    ];
    let also = data.also.iter().map(|(n, p)| (n.as_str(), p));
    for (name, paths) in sets.into_iter().chain(also) {
        for (i, path) in paths.iter().enumerate() {
            let role = if paths.len() == 1 { name.to_owned() } else { format!("{name}.{i}") };
            all.push((role, path.clone()));
        }
    }
    all
}
