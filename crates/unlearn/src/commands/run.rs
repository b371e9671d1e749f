//! `unlearn run`

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use unlearn_core::event::Event;
use unlearn_core::run::RunRecord;
use unlearn_core::{Recipe, RecipeError};
use unlearn_engine::LanguageModel;
use unlearn_engine::train::{Needs, Reference, Selection};

use super::{eval, report, sets, summary, training};
use crate::cli::{Output, Training};
use crate::context::Context;
use crate::failure::Refusal;
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
        flags.extend(self.method.iter().map(|m| format!("method.name={}", toml::Value::String(m.clone()))));
        let recipe = sets::recipe(context, self.recipe.as_deref(), flags)?;
        let record = execute(context, recipe, &self.output)?;
        summary::of_run(context, &self.output.out, record.as_ref())
    }
}

/// Unlearns as the recipe says; `None` when an earlier process had finished.
pub fn execute(context: &Context, mut recipe: Recipe, output: &Output) -> Result<Option<RunRecord>> {
    recipe.method_name()?;
    let (objective, resolved) = unlearn_methods::objective(&recipe.method)?;
    recipe.method = resolved;
    if recipe.data.forget.is_empty() {
        return Err(RecipeError::Missing { field: "data.forget", hint: "give `--forget FILE`".into() }.into());
    }
    let needs = objective.needs();
    if needs.retain && recipe.data.retain.is_empty() {
        let hint = "give `--retain FILE`, or `--set method.retain=none`".into();
        return Err(RecipeError::Missing { field: "data.retain", hint }.into());
    }
    let model = training::examined(context, &recipe, recipe.model_path()?)?;
    let everything = Selection::new(&recipe.train, &model.decoder)?.is_everything();
    let encoder = model.encoder(&recipe.chat);
    let forget = sets::token_rows(&model, &encoder, &recipe.data.forget, recipe.data.limit)?;
    let retain = match needs.retain {
        true => sets::token_rows(&model, &encoder, &recipe.data.retain, recipe.data.limit)?,
        false => Vec::new(),
    };
    eval::check(&recipe)?;
    for set in sets::eval_sets(&recipe)? {
        sets::check(&model, &encoder, &set.rows)?;
    }
    check_reference(&recipe, &model)?;
    let recipe = training::within_memory(context, &recipe, &[&forget, &retain])?;
    let mut job = match Job::begin(context, "run", output, &recipe, &sets::inputs(&recipe))? {
        Begun::Job(job) => job,
        Begun::Finished => return Ok(None),
    };
    let (before, said) = (job.folder.eval_before(), job.folder.answers_before());
    if !before.exists() {
        job.event(&Event::Phase { name: "evaluate".into() })?;
        let seen = eval::examine(context, &recipe, &model, "before", "evaluate before")?;
        Job::write_evaluation(&before, &seen.report, &said, &seen.answers)?;
    }
    job.event(&Event::Phase { name: "reference".into() })?;
    let reference = ask_reference(context, &recipe, &model, needs, &forget, &retain)?;
    // Read whole and to be trained whole: it serves as it is.
    let mut model = if everything && recipe.train.max_memory.is_none() {
        model
    } else {
        drop(model);
        training::model(context, &recipe)?
    };
    training::train_and_save(
        context,
        &mut job,
        &recipe,
        &mut model,
        objective.as_ref(),
        [&forget, &retain],
        &reference,
    )?;
    drop(model);

    job.event(&Event::Phase { name: "evaluate".into() })?;
    // What is judged is what was saved, rounded to the checkpoint's own format.
    let saved = training::examined(context, &recipe, &job.folder.model())?;
    let seen = eval::examine(context, &recipe, &saved, "unlearned", "evaluate")?;
    Job::write_evaluation(&job.folder.eval(), &seen.report, &job.folder.answers(), &seen.answers)?;
    let folder = job.folder.clone();
    let record = job.finish()?;
    report::write_for_run(&folder)?;
    Ok(Some(record))
}

fn ask_reference(
    context: &Context,
    recipe: &Recipe,
    model: &LanguageModel,
    needs: Needs,
    forget: &[unlearn_data::TokenRow],
    retain: &[unlearn_data::TokenRow],
) -> Result<Reference> {
    let budget = recipe.train.micro_tokens;
    let Some(path) = &recipe.model.reference else {
        return Ok(Reference::ask(model, needs, forget, retain, budget));
    };
    Ok(Reference::ask(&training::examined(context, recipe, path)?, needs, forget, retain, budget))
}

/// Refuses a reference whose distributions are over other tokens.
fn check_reference(recipe: &Recipe, model: &LanguageModel) -> Result<()> {
    let Some(path) = &recipe.model.reference else { return Ok(()) };
    let theirs = LanguageModel::read_config(path)?.vocab_size;
    let ours = model.decoder.config().vocab_size;
    if ours == theirs {
        return Ok(());
    }
    let message = format!("the reference `{}` has a vocabulary of {theirs}, the model one of {ours}", path.display());
    Err(Refusal::new(message, "the reference is the model as it was before, or one with its tokenizer").into())
}
