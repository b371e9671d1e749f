//! `unlearn train`

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use unlearn_core::run::RunRecord;
use unlearn_core::{Recipe, RecipeError};
use unlearn_data::read;
use unlearn_engine::LanguageModel;
use unlearn_engine::train::{FineTune, Reference, Sets};

use super::{plan, report, sets, summary, training};
use crate::cli::{Output, Training};
use crate::context::Context;
use crate::job::{Begun, Job};

#[derive(Debug, Args)]
pub struct Train {
    /// A recipe; flags and `--set` go over it
    #[arg(value_name = "RECIPE")]
    recipe: Option<PathBuf>,
    /// The model to train: a Hugging Face folder or a GGUF file
    #[arg(long, value_name = "DIR")]
    model: Option<PathBuf>,
    /// What it learns
    #[arg(long, value_name = "FILE", num_args = 1..)]
    data: Vec<PathBuf>,
    #[command(flatten)]
    training: Training,
    #[command(flatten)]
    output: Output,
}

impl Train {
    pub fn run(self, context: &Context) -> Result<()> {
        let mut flags = self.training.assignments();
        flags.extend(self.model.iter().map(|p| sets::path_assignment("model.path", p)));
        if !self.data.is_empty() {
            flags.push(sets::paths_assignment("data.train", &self.data));
        }
        let recipe = sets::recipe(context, self.recipe.as_deref(), flags)?;
        if self.training.dry_run {
            let (recipe, model, sets) = prepare(context, &recipe)?;
            return plan::of_train(context, &recipe, &model, &sets, &self.output);
        }
        let record = execute(context, &recipe, &self.output)?;
        summary::of_run(context, &self.output.out, record.as_ref())
    }
}

/// Reads and checks everything.
fn prepare(context: &Context, recipe: &Recipe) -> Result<(Recipe, LanguageModel, Sets)> {
    if recipe.data.train.is_empty() {
        let hint = "give `--data FILE`".to_owned();
        return Err(RecipeError::Missing { field: "data.train", hint }.into());
    }
    if recipe.train.folds > 1 {
        return Err(RecipeError::value("train.folds", recipe.train.folds, "`train` forgets nothing").into());
    }
    let model = training::model(context, recipe)?;
    let encoder = model.encoder(&recipe.chat);
    let rows = read::all_rows(&recipe.data.train, recipe.data.limit)?;
    let sets = Sets::new(sets::check(&model, &encoder, &rows)?, Vec::new());
    let recipe = training::within_memory(context, recipe, &sets)?;
    drop(encoder);
    Ok((recipe, model, sets))
}

/// Fine-tunes as the recipe says; `None` when an earlier process had finished.
pub fn execute(context: &Context, recipe: &Recipe, output: &Output) -> Result<Option<RunRecord>> {
    let (recipe, mut model, sets) = prepare(context, recipe)?;
    let mut job = match Job::begin(context, "train", output, &recipe, &sets::inputs(&recipe))? {
        Begun::Job(job) => job,
        Begun::Finished => return Ok(None),
    };
    let reference = Reference::default();
    training::train_and_save(context, &mut job, &recipe, &mut model, &mut FineTune, (&sets, &reference), None)?;
    let folder = job.folder.clone();
    let record = job.finish()?;
    report::write_for_run(&folder)?;
    Ok(Some(record))
}
