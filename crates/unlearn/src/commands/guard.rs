//! The part of `run` that puts a guard before a model.

use anyhow::Result;
use unlearn_core::Recipe;
use unlearn_core::event::Event;
use unlearn_core::recipe::AdapterKind;
use unlearn_data::Guard;
use unlearn_engine::{LanguageModel, checkpoint};

use crate::context::Context;
use crate::failure::Refusal;
use crate::job::Job;

/// Refuses settings that a guard has no use for, and a second guard.
pub fn check(recipe: &Recipe, model: &LanguageModel) -> Result<()> {
    let train = &recipe.train;
    if recipe.watch.every > 0 || train.folds > 1 || train.adapter != AdapterKind::None {
        let message = "a guard trains nothing: there is nothing to watch, to deal into folds or to adapt";
        return Err(Refusal::new(message, "leave out `watch.every`, `train.folds` and `train.adapter`").into());
    }
    if model.guard.is_some() {
        let message = format!("a guard stands before `{}` already", model.path.display());
        let hint = format!("give the folder without `{}`, and all rows that are to be forgotten", Guard::FILE);
        return Err(Refusal::new(message, hint).into());
    }
    Ok(())
}

/// Saves the model as it is with the guard before it.
pub fn put_and_save(
    context: &Context,
    job: &Job,
    recipe: &Recipe,
    (model, guard): (&LanguageModel, &Guard),
) -> Result<()> {
    job.event(&Event::Phase { name: "save".into() })?;
    let (base, saved) = (recipe.model_path()?, job.folder.model());
    model.save_guarded(base, &saved, guard)?;
    let weights = match (checkpoint::digest(base)?, checkpoint::digest(&saved)?) {
        (before, after) if before == after => format!("the weights are the same file (sha256 {after})"),
        _ => "the weights have the same values".to_owned(),
    };
    context
        .say(format!("warning: a guard masks and does not forget: {weights}, and whoever holds them walks round it"));
    Ok(())
}
