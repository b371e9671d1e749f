//! `unlearn eval`

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use unlearn_core::run::RunRecord;
use unlearn_core::{Recipe, RecipeError};
use unlearn_engine::LanguageModel;
use unlearn_eval::{Beside, Looked, Shadow};

use super::examine::{Examiner, check_comparable, name_of};
use super::{report, sets, shared, summary};
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
    #[command(flatten)]
    judging: Judging,
    #[command(flatten)]
    output: Output,
}

/// What a model is judged by.
#[derive(Debug, Args)]
pub struct Judging {
    /// The model that never saw the forget set, examined beside it; several, from other seeds, give the gap a unit
    #[arg(long, value_name = "DIR", num_args = 1..)]
    retrained: Vec<PathBuf>,
    /// The model as it was before, examined beside it
    #[arg(long, value_name = "DIR")]
    reference: Option<PathBuf>,
    /// A benchmark; `unlearn benchmarks` lists them
    #[arg(long, value_name = "NAME")]
    benchmark: Option<String>,
    /// The folder of the benchmark's published files
    #[arg(long, value_name = "DIR", requires = "benchmark")]
    data: Option<PathBuf>,
    /// Which part of the benchmark; its own default when not given
    #[arg(long, value_name = "NAME", requires = "benchmark")]
    split: Option<String>,
    /// Models trained as the subject was, on other rows, for membership attacks
    #[arg(long, value_name = "DIR", num_args = 1..)]
    shadow: Vec<PathBuf>,
    #[command(flatten)]
    sets: sets::SetFlags,
}

impl Judging {
    /// The flags as assignments of recipe fields.
    pub fn assignments(&self) -> Result<Vec<String>> {
        let mut flags = self.sets.assignments()?;
        flags.extend(self.reference.iter().map(|p| sets::path_assignment("model.reference", p)));
        flags.extend(sets::retrained_assignments(&self.retrained));
        if !self.shadow.is_empty() {
            flags.push(sets::paths_assignment("model.shadows", &self.shadow));
        }
        let word = |field: &str, name: &String| format!("{field}={}", toml::Value::String(name.clone()));
        flags.extend(self.benchmark.iter().map(|name| word("eval.benchmark", name)));
        flags.extend(self.split.iter().map(|name| word("eval.benchmark_split", name)));
        flags.extend(self.data.iter().map(|p| sets::path_assignment("eval.benchmark_data", p)));
        Ok(flags)
    }
}

impl Eval {
    pub fn run(self, context: &Context) -> Result<()> {
        let mut flags = self.judging.assignments()?;
        flags.extend(self.model.iter().map(|p| sets::path_assignment("model.path", p)));
        let recipe = sets::recipe(context, self.recipe.as_deref(), flags)?;
        execute(context, &recipe, &self.output, None)?;
        summary::of_eval(context, &self.output.out)
    }
}

/// Examines the recipe's model, and the retrained and the reference beside it; `None` when it was done before. What other
/// evaluations have seen already lies in `shared`.
pub fn execute(
    context: &Context,
    recipe: &Recipe,
    output: &Output,
    shared: Option<&Path>,
) -> Result<Option<RunRecord>> {
    check(recipe)?;
    let path = recipe.model_path()?;
    let subject = context.subject(path)?;
    let encoder = subject.encoder(&recipe.chat);
    for set in sets::eval_sets(recipe)? {
        sets::check_answerable(&subject, &encoder, &set.rows)?;
    }
    check_comparable(recipe, &encoder)?;
    for note in sets::benchmark(recipe)?.into_iter().flat_map(|loaded| loaded.notes) {
        context.say(format!("note: {note}"));
    }
    let job = match Job::begin(context, "eval", output, recipe, &sets::inputs(recipe))? {
        Begun::Job(job) => job,
        Begun::Finished => return Ok(None),
    };
    let observations = shared.map_or_else(|| job.folder.observations(), shared::observations);
    let examiner = Examiner::of(context, recipe, observations)?;
    let mut seen = examiner.look(&subject, "evaluate subject")?;
    drop(subject);
    // One model at a time is in memory.
    let read = |role: &str, path: &Path| -> Result<(LanguageModel, Looked)> {
        let model = context.subject(path)?;
        let seen = examiner.look(&model, &format!("evaluate {role}"))?;
        Ok((model, seen))
    };
    let retrained = match &recipe.model.retrained {
        None => None,
        Some(path) => {
            let (model, mut own) = read("retrained", path)?;
            examiner.weigh(&model, &mut own, &seen)?;
            Some(own)
        }
    };
    if let Some(retrained) = retrained.as_ref().filter(|_| examiner.reads_again()) {
        examiner.weigh(&context.subject(path)?, &mut seen, retrained)?;
    }
    let mut others = Vec::new();
    for path in &recipe.model.retrained_also {
        others.push(read("another retrained model", path)?.1);
    }
    let reference = match &recipe.model.reference {
        None => None,
        Some(path) => {
            let (model, mut own) = read("reference", path)?;
            if let Some(retrained) = &retrained {
                examiner.patch(&model, &mut own, retrained, &seen)?;
            }
            Some(own)
        }
    };
    let shadow = |path: &PathBuf| -> Result<Shadow> { examiner.shadow(&context.subject(path)?) };
    let shadows = recipe.model.shadows.iter().map(shadow).collect::<Result<Vec<_>>>()?;
    let shadows = shadows.as_slice();
    let folder = job.folder.clone();
    let (retrained, reference) = (retrained.as_ref(), reference.as_ref());
    let seeds: Vec<&Looked> = retrained.into_iter().chain(&others).collect();
    if let (Some(subject), Some(path)) = (retrained, &recipe.model.retrained) {
        let beside = Beside { subject, retrained: None, reference, shadows };
        examiner.write("retrained", path, beside, &(folder.eval_retrained(), folder.answers_retrained()))?;
    }
    if let (Some(subject), Some(path)) = (reference, &recipe.model.reference) {
        let beside = Beside { subject, retrained, reference: None, shadows };
        examiner.write("reference", path, beside, &(folder.eval_before(), folder.answers_before()))?;
    }
    let beside = Beside { subject: &seen, retrained, reference, shadows };
    examiner.write_subject(&name_of(path), path, (beside, &seeds), &(folder.eval(), folder.answers()))?;
    let record = job.finish()?;
    report::write_for_run(&folder)?;
    Ok(Some(record))
}

/// Refuses a recipe that cannot be evaluated: an unknown metric, no set.
pub fn check(recipe: &Recipe) -> Result<()> {
    sets::metrics(recipe)?;
    if sets::eval_sets(recipe)?.is_empty() {
        let hint = "give `--forget FILE`, `--retain FILE`, `--holdout FILE`, or `--benchmark NAME --data DIR`".into();
        return Err(RecipeError::Missing { field: "data.forget", hint }.into());
    }
    Ok(())
}
