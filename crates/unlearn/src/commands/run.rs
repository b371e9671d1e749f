//! `unlearn run`

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use unlearn_core::event::Event;
use unlearn_core::run::RunRecord;
use unlearn_core::{Recipe, RecipeError};
use unlearn_data::read;
use unlearn_engine::LanguageModel;
use unlearn_engine::train::{
    Alternative, Cache, Needs, Question, Reference, Selection, Sets, Setup, check_folds, visited,
};
use unlearn_methods::Made;

use super::alternates::{self, Texts};
use super::{edit, eval, report, sets, summary, training};
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
        if !self.alternate.is_empty() {
            flags.push(sets::paths_assignment("data.alternate", &self.alternate));
        }
        flags.extend(self.method.iter().map(|m| format!("method.name={}", toml::Value::String(m.clone()))));
        let recipe = sets::recipe(context, self.recipe.as_deref(), flags)?;
        let record = execute(context, recipe, &self.output)?;
        summary::of_run(context, &self.output.out, record.as_ref())
    }
}

/// Unlearns as the recipe says; `None` when an earlier process had finished.
pub fn execute(context: &Context, mut recipe: Recipe, output: &Output) -> Result<Option<RunRecord>> {
    recipe.method_name()?;
    let (mut made, resolved) = unlearn_methods::method(&recipe.method)?;
    recipe.method = resolved;
    if recipe.data.forget.is_empty() {
        return Err(RecipeError::Missing { field: "data.forget", hint: "give `--forget FILE`".into() }.into());
    }
    let model = training::examined(context, &recipe, recipe.model_path()?)?;
    let setup = Setup::of(&model, recipe.seed);
    let (needs, wants_retain, further) = match &mut made {
        Made::Objective(objective) => {
            objective.prepare(&setup)?;
            let needs = objective.needs();
            let wants_retain = needs.retain_rows();
            (needs, wants_retain, Vec::new())
        }
        Made::Edit(edit) => {
            edit::check(&recipe)?;
            edit.prepare(&setup)?;
            (Needs::default(), edit.retain_rows(), edit.inputs())
        }
    };
    if wants_retain && recipe.data.retain.is_empty() {
        let hint = "give `--retain FILE`, or `--set method.retain=none` where the method takes it".into();
        return Err(RecipeError::Missing { field: "data.retain", hint }.into());
    }
    let everything = Selection::new(&recipe.train, &model.decoder)?.is_everything();
    let encoder = model.encoder(&recipe.chat);
    let forget = read::all_rows(&recipe.data.forget, recipe.data.limit)?;
    let mut retain = match wants_retain {
        true => read::all_rows(&recipe.data.retain, recipe.data.limit)?,
        false => Vec::new(),
    };
    let mut sets = Sets::new(sets::check(&model, &encoder, &forget)?, sets::check(&model, &encoder, &retain)?);
    if recipe.train.folds > 1 && needs.retain_rows() {
        sets = sets.holding_out();
        retain.extend(forget.iter().cloned());
    }
    check_folds(&recipe.train, &sets, recipe.seed)?;
    let texts = Texts { forget: &forget, retain: &retain };
    alternates::fill(&recipe, &encoder, &needs, &texts, &mut sets)?;
    alternates::check_lengths(&model, &sets)?;
    let asking = match &needs.forget_alternates {
        Some(Alternative::OrSampled(asking)) if sets.forget_alternates.is_empty() => Some(asking.clone()),
        _ => None,
    };
    if asking.is_some() {
        alternates::check_askable(&model, &forget)?;
    }
    eval::check(&recipe)?;
    for set in sets::eval_sets(&recipe)? {
        sets::check(&model, &encoder, &set.rows)?;
    }
    check_reference(&recipe, &model)?;
    check_cache(&recipe, &model, &needs, &sets)?;
    let recipe = training::within_memory(context, &recipe, &sets)?;
    let inputs = [sets::inputs(&recipe), further].concat();
    let mut job = match Job::begin(context, "run", output, &recipe, &inputs)? {
        Begun::Job(job) => job,
        Begun::Finished => return Ok(None),
    };
    let (before, said) = (job.folder.eval_before(), job.folder.answers_before());
    if !before.exists() {
        job.event(&Event::Phase { name: "evaluate".into() })?;
        let seen = eval::examine(context, &recipe, &model, "before", "evaluate before")?;
        Job::write_evaluation(&before, &seen.report, &said, &seen.answers)?;
    }
    if let Some(asking) = asking {
        job.event(&Event::Phase { name: "alternates".into() })?;
        sets.forget_alternates = alternates::sample(context, &recipe, &job, (&model, &encoder), &asking, &forget)?;
        alternates::check_lengths(&model, &sets)?;
    }
    // Read whole and to be changed whole: it serves as it is.
    let serves = everything && recipe.train.max_memory.is_none();
    match made {
        Made::Objective(mut objective) => {
            job.event(&Event::Phase { name: "reference".into() })?;
            let reference = ask_reference(context, &recipe, &job, &model, &needs, &sets)?;
            let mut model = if serves {
                model
            } else {
                drop(model);
                training::model(context, &recipe)?
            };
            let of = (&sets, &reference);
            training::train_and_save(context, &mut job, &recipe, &mut model, objective.as_mut(), of)?;
        }
        Made::Edit(edit) => edit::apply_and_save(context, &mut job, &recipe, model, (edit.as_ref(), &sets))?,
    }

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

fn question<'a>(recipe: &Recipe, needs: &'a Needs, sets: &'a Sets, cache: Option<Cache>) -> Question<'a> {
    let visited = visited(&recipe.train, sets, recipe.seed);
    Question {
        needs: &needs.reference,
        contexts: &needs.contexts,
        sets,
        visited,
        budget: recipe.train.micro_tokens,
        cache,
    }
}

/// Refuses a run that would keep more of the reference than it may.
fn check_cache(recipe: &Recipe, model: &LanguageModel, needs: &Needs, sets: &Sets) -> Result<()> {
    let bytes = Reference::bytes(&question(recipe, needs, sets, None), model.decoder.config().hidden_size);
    let limit = recipe.train.reference_cache.0;
    if bytes <= limit {
        return Ok(());
    }
    let message = format!(
        "what is asked of the reference takes {:.1} GB on disk, `train.reference_cache` allows {:.1} GB",
        bytes as f64 / 1e9,
        limit as f64 / 1e9
    );
    let hint = "allow more, take fewer rows (`data.limit`) or steps, or another retain term (`method.retain=nll`)";
    Err(Refusal::new(message, hint).into())
}

fn ask_reference(
    context: &Context,
    recipe: &Recipe,
    job: &Job,
    model: &LanguageModel,
    needs: &Needs,
    sets: &Sets,
) -> Result<Reference> {
    if needs.reference.is_empty() {
        return Ok(Reference::default());
    }
    let role = if recipe.model.reference.is_some() { "reference" } else { "model" };
    let digest = job.record.inputs.get(role).cloned().unwrap_or_default();
    let question = question(recipe, needs, sets, Some(Cache { dir: job.folder.reference_cache(), model: digest }));
    let bar = context.bar("reference", 0);
    let mut tell = |done: usize, total: usize| {
        bar.set_total(total);
        bar.set(done, "");
        Ok(())
    };
    match &recipe.model.reference {
        None => Ok(Reference::ask(model, &question, &mut tell)?),
        Some(path) => Ok(Reference::ask(&training::examined(context, recipe, path)?, &question, &mut tell)?),
    }
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
