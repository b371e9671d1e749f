//! `unlearn eval`

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use unlearn_core::run::RunRecord;
use unlearn_core::score::Subject;
use unlearn_core::{Recipe, RecipeError};
use unlearn_engine::{LanguageModel, checkpoint};
use unlearn_eval::{Evaluation, evaluate, metrics};

use super::{report, sets, summary};
use crate::cli::Output;
use crate::context::Context;
use crate::job::{Begun, Job};

#[derive(Debug, Args)]
pub struct Eval {
    /// A recipe; flags and `--set` go over it
    #[arg(value_name = "RECIPE")]
    recipe: Option<PathBuf>,
    /// The model to examine: a Hugging Face folder or a GGUF file
    #[arg(long, value_name = "DIR")]
    model: Option<PathBuf>,
    /// The model that never saw the forget set, examined beside it
    #[arg(long, value_name = "DIR")]
    retrained: Option<PathBuf>,
    /// The model as it was before, examined beside it
    #[arg(long, value_name = "DIR")]
    reference: Option<PathBuf>,
    #[command(flatten)]
    sets: sets::SetFlags,
    #[command(flatten)]
    output: Output,
}

impl Eval {
    pub fn run(self, context: &Context) -> Result<()> {
        let mut flags = self.sets.assignments()?;
        flags.extend(self.model.iter().map(|p| sets::path_assignment("model.path", p)));
        flags.extend(self.reference.iter().map(|p| sets::path_assignment("model.reference", p)));
        flags.extend(self.retrained.iter().map(|p| sets::path_assignment("model.retrained", p)));
        let recipe = sets::recipe(context, self.recipe.as_deref(), flags)?;
        execute(context, &recipe, &self.output)?;
        summary::of_eval(context, &self.output.out)
    }
}

/// Examines the recipe's model, and the retrained and the reference beside it; `None` when it was done before.
pub fn execute(context: &Context, recipe: &Recipe, output: &Output) -> Result<Option<RunRecord>> {
    check(recipe)?;
    let mut subjects = vec![("subject", recipe.model_path()?)];
    subjects.extend(recipe.model.retrained.iter().map(|p| ("retrained", p.as_path())));
    subjects.extend(recipe.model.reference.iter().map(|p| ("reference", p.as_path())));
    let first = context.model(recipe.model_path()?)?;
    let encoder = first.encoder(&recipe.chat);
    for set in sets::eval_sets(recipe)? {
        sets::check(&first, &encoder, &set.rows)?;
    }
    let job = match Job::begin(context, "eval", output, recipe, &sets::inputs(recipe))? {
        Begun::Job(job) => job,
        Begun::Finished => return Ok(None),
    };
    let mut first = Some(first);
    for (role, path) in subjects {
        let (scores, said) = match role {
            "retrained" => (job.folder.eval_retrained(), job.folder.answers_retrained()),
            "reference" => (job.folder.eval_before(), job.folder.answers_before()),
            _ => (job.folder.eval(), job.folder.answers()),
        };
        // An interrupted evaluation goes on with the first subject that is not done.
        if scores.exists() {
            first = None;
            continue;
        }
        let model = match first.take() {
            Some(model) => model,
            None => context.model(path)?,
        };
        let name = if role == "subject" { name_of(path) } else { role.to_owned() };
        let seen = examine(context, recipe, &model, &name, &format!("evaluate {role}"))?;
        Job::write_evaluation(&scores, &seen.report, &said, &seen.answers)?;
    }
    let folder = job.folder.clone();
    let record = job.finish()?;
    report::write_for_run(&folder)?;
    Ok(Some(record))
}

/// Refuses a recipe that cannot be evaluated: an unknown metric, no set.
pub fn check(recipe: &Recipe) -> Result<()> {
    metrics::by_name(&recipe.eval.metrics)?;
    if sets::eval_sets(recipe)?.is_empty() {
        let hint = "give `--forget FILE`, `--retain FILE` or `--holdout FILE`".into();
        return Err(RecipeError::Missing { field: "data.forget", hint }.into());
    }
    Ok(())
}

/// Takes the recipe's metrics of a model on all its sets, with progress.
pub fn examine(
    context: &Context,
    recipe: &Recipe,
    model: &LanguageModel,
    name: &str,
    what: &str,
) -> Result<Evaluation> {
    let encoder = model.encoder(&recipe.chat);
    let subject = Subject {
        name: name.to_owned(),
        path: model.path.display().to_string(),
        digest: checkpoint::digest(&model.path)?,
    };
    let bar = context.bar(what, 0);
    let mut tell = |p: unlearn_eval::Progress<'_>| {
        bar.set_total(p.total);
        bar.set(p.done, p.set.to_owned());
    };
    Ok(evaluate(model, &encoder, subject, &sets::eval_sets(recipe)?, &recipe.eval, recipe.seed, &mut tell)?)
}

/// A checkpoint's name for people: its folder's, or the run's where the folder is a run's `model`.
pub fn name_of(path: &Path) -> String {
    let named = if path.file_name().is_some_and(|n| n == "model") { path.parent().unwrap_or(path) } else { path };
    named.file_name().map_or_else(|| path.display().to_string(), |n| n.to_string_lossy().into_owned())
}
