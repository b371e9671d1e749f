//! `unlearn run`

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use unlearn_core::Recipe;
use unlearn_core::event::Event;
use unlearn_core::run::RunRecord;
use unlearn_engine::LanguageModel;
use unlearn_engine::train::{Cache, Look};
use unlearn_eval::{Beside, Looked};
use unlearn_methods::Made;

use super::examine::Examiner;
use super::prepared::Prepared;
use super::{alternates, edit, guard, plan, report, sets, shared, summary, training};
use crate::cli::{Output, Training};
use crate::context::Context;
use crate::job::{Begun, Job};

#[derive(Debug, Args)]
pub struct Run {
    /// A recipe; flags and `--set` go over it
    #[arg(value_name = "RECIPE")]
    recipe: Option<PathBuf>,
    /// The model to change: a Hugging Face folder or a GGUF file
    #[arg(long, value_name = "DIR")]
    model: Option<PathBuf>,
    /// The reference, where it is not the model itself as it was before
    #[arg(long, value_name = "DIR")]
    reference: Option<PathBuf>,
    /// The model that never saw the forget set, examined beside it
    #[arg(long, value_name = "DIR")]
    retrained: Option<PathBuf>,
    /// Other answers to the forget questions: as many rows, in the same order
    #[arg(long, value_name = "FILE", num_args = 1..)]
    alternate: Vec<PathBuf>,
    /// The method; `unlearn methods` lists them
    #[arg(long, value_name = "NAME")]
    method: Option<String>,
    #[command(flatten)]
    sets: sets::SetFlags,
    #[command(flatten)]
    training: Training,
    #[command(flatten)]
    output: Output,
}

impl Run {
    pub fn run(self, context: &Context) -> Result<()> {
        let mut flags = self.sets.assignments()?;
        flags.extend(self.training.assignments());
        flags.extend(self.model.iter().map(|p| sets::path_assignment("model.path", p)));
        flags.extend(self.reference.iter().map(|p| sets::path_assignment("model.reference", p)));
        flags.extend(self.retrained.iter().map(|p| sets::path_assignment("model.retrained", p)));
        if !self.alternate.is_empty() {
            flags.push(sets::paths_assignment("data.alternate", &self.alternate));
        }
        flags.extend(self.method.iter().map(|m| format!("method.name={}", toml::Value::String(m.clone()))));
        let recipe = sets::recipe(context, self.recipe.as_deref(), flags)?;
        if self.training.dry_run {
            return plan::of_run(context, Prepared::of(context, recipe)?, &self.output);
        }
        let record = execute(context, recipe, &self.output)?;
        summary::of_run(context, &self.output.out, record.as_ref())
    }
}

/// Unlearns as the recipe says; `None` when an earlier process had finished.
pub fn execute(context: &Context, recipe: Recipe, output: &Output) -> Result<Option<RunRecord>> {
    carry_out(context, Prepared::of(context, recipe)?, output, None)
}

/// Does what was prepared. `shared` is a folder for what several runs have in common; without one it lies in the run's.
pub fn carry_out(
    context: &Context,
    prepared: Prepared,
    output: &Output,
    shared: Option<&Path>,
) -> Result<Option<RunRecord>> {
    let mut job = match Job::begin(context, "run", output, &prepared.recipe, &prepared.inputs())? {
        Begun::Job(job) => job,
        Begun::Finished => return Ok(None),
    };
    let of_recipe = prepared.recipe.clone();
    let observations = shared.map_or_else(|| job.folder.observations(), shared::observations);
    let examiner = Examiner::of(context, &of_recipe, observations)?;
    job.event(&Event::Phase { name: "evaluate".into() })?;
    let before = examiner.look(&prepared.model, "evaluate before")?;
    let retrained = match &of_recipe.model.retrained {
        None => None,
        Some(path) => {
            let model = context.subject(path)?;
            let seen = examiner.look(&model, "evaluate retrained")?;
            let beside = Beside { subject: &seen, retrained: None, reference: Some(&before), shadows: &[] };
            let places = (job.folder.eval_retrained(), job.folder.answers_retrained());
            examiner.write("retrained", path, beside, &places)?;
            Some(seen)
        }
    };
    let retrained = retrained.as_ref();
    let beside = Beside { subject: &before, retrained, reference: None, shadows: &[] };
    let places = (job.folder.eval_before(), job.folder.answers_before());
    examiner.write("before", of_recipe.model_path()?, beside, &places)?;
    let mut prepared = prepared;
    if let Some(asking) = prepared.asking.take() {
        job.event(&Event::Phase { name: "alternates".into() })?;
        let Prepared { recipe, model, forget, .. } = &prepared;
        let encoder = model.encoder(&recipe.chat);
        let alternates = alternates::sample(context, recipe, &job, (model, &encoder), &asking, forget)?;
        prepared.sets.forget_alternates = alternates;
        alternates::check_lengths(&prepared.model, &prepared.sets)?;
    }
    job.event(&Event::Phase { name: "reference".into() })?;
    let role = if prepared.recipe.model.reference.is_some() { "reference" } else { "model" };
    let digest = job.record.inputs.get(role).cloned().unwrap_or_default();
    let dir = shared.map_or_else(|| job.folder.reference_cache(), shared::reference);
    let [reference, watch_reference] = prepared.ask_reference(context, Cache { dir, model: digest })?;
    let Prepared { recipe, made, model, trainable, sets, watched, guard: before_it, .. } = prepared;
    match made {
        Made::Objective(mut objective) => {
            let mut model = if trainable {
                model.unfrozen()
            } else {
                drop(model);
                training::model(context, &recipe)?
            };
            let look = watched.map(|w| move |model: &LanguageModel, step| w.look(model, step, &watch_reference));
            let (look, of) = (look.as_ref().map(|look| look as &Look<'_>), (&sets, &reference));
            training::train_and_save(context, &mut job, &recipe, &mut model, objective.as_mut(), of, look)?;
        }
        Made::Edit(edit) => edit::apply_and_save(context, &mut job, &recipe, model.unfrozen(), (edit.as_ref(), &sets))?,
        Made::Guard(_) => {
            if let Some(before_it) = &before_it {
                guard::put_and_save(context, &job, &recipe, (&model, before_it))?;
            }
        }
    }

    job.event(&Event::Phase { name: "evaluate".into() })?;
    // What is judged is what was saved, rounded to the checkpoint's own format.
    let saved = context.subject(&job.folder.model())?;
    let seen = examiner.look(&saved, "evaluate")?;
    let beside = Beside { subject: &seen, retrained, reference: Some(&before), shadows: &[] };
    let seeds: Vec<&Looked> = retrained.into_iter().collect();
    let places = (job.folder.eval(), job.folder.answers());
    examiner.write_subject("unlearned", &saved.path, (beside, &seeds), &places)?;
    let folder = job.folder.clone();
    let record = job.finish()?;
    report::write_for_run(&folder)?;
    Ok(Some(record))
}
