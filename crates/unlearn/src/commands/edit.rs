//! The part of `run` that applies an edit.

use std::cell::Cell;

use anyhow::Result;
use unlearn_core::Recipe;
use unlearn_core::event::{Event, Step};
use unlearn_core::recipe::AdapterKind;
use unlearn_engine::edit::{Bench, Edit, Told};
use unlearn_engine::train::{Progress, Selection, Sets};
use unlearn_engine::{EngineError, LanguageModel};

use super::training::describe;
use crate::context::Context;
use crate::failure::Refusal;
use crate::job::Job;

/// Refuses settings that an edit has no use for.
pub fn check(recipe: &Recipe) -> Result<()> {
    if recipe.watch.every > 0 {
        let message = "an edit has no steps between which it could be watched";
        return Err(Refusal::new(message, "leave out `watch.every`").into());
    }
    if recipe.train.folds > 1 {
        let message = "an edit looks at the whole forget set at once";
        return Err(Refusal::new(message, "leave out `train.folds`").into());
    }
    if recipe.train.adapter == AdapterKind::None && recipe.train.max_memory.is_none() {
        return Ok(());
    }
    let message = "an edit changes the weights themselves, which have to be in memory";
    Err(Refusal::new(message, "leave out `train.adapter` and `train.max_memory`").into())
}

/// Changes the model and saves it; on an interruption the costs so far are saved too.
pub fn apply_and_save(
    context: &Context,
    job: &mut Job,
    recipe: &Recipe,
    mut model: LanguageModel,
    (edit, sets): (&dyn Edit, &Sets),
) -> Result<()> {
    let selection = Selection::new(&recipe.train, &model.decoder)?;
    for (i, trained) in selection.trained.iter().enumerate() {
        model.parameters.set_trained(i, *trained);
    }
    let bar = context.bar("edit", 0);
    let this_job: &Job = job;
    // Steps of one part of the work are counted on from those before it.
    let (before, last, fresh) = (Cell::new(0), Cell::new(0), Cell::new(true));
    let numbered = |step: &Step| Step { step: before.get() + step.step, ..step.clone() };
    let mut tell = |told: Told<'_>| -> Result<(), EngineError> {
        match told {
            Told::Phase(name) => {
                before.set(last.get());
                fresh.set(true);
                this_job.event(&Event::Phase { name: name.to_owned() })?;
            }
            Told::Earlier(steps) => last.set(before.get() + steps),
            Told::Training(Progress::Resumed(step)) => {
                fresh.set(false);
                bar.line(format!("resumed after step {step}"));
                this_job.rewind_events(Some(before.get() + step))?;
                this_job.event(&Event::Resumed { step: before.get() + step + 1 })?;
            }
            Told::Training(Progress::Watch(_) | Progress::Stopped(..) | Progress::Kept(..) | Progress::Model(..)) => {}
            Told::Training(Progress::Step(step, of)) => {
                // The steps of an earlier attempt are taken again.
                if fresh.replace(false) {
                    this_job.rewind_events(Some(before.get()))?;
                }
                bar.set_total(of);
                bar.set(step.step, describe(step));
                last.set(before.get() + step.step);
                this_job.event(&Event::Step(numbered(step)))?;
            }
        }
        Ok(())
    };
    let mut bench = Bench {
        train: &recipe.train,
        seed: recipe.seed,
        sets,
        state: Some((job.folder.state(), job.fingerprint(recipe))),
        stop: &context.stop,
        device: context.device.clone(),
        tell: &mut tell,
    };
    let outcome = context.guarded(|| edit.apply(&mut model, &mut bench));
    drop(bar);
    let outcome = match outcome {
        Ok(outcome) => outcome,
        Err(e) => {
            job.pause()?;
            return Err(e.into());
        }
    };
    job.record.cost.tokens = outcome.tokens;
    job.record.cost.flops =
        3.0 * outcome.tokens as f64 * model.decoder.config().flops_per_token(model.parameters.count());
    job.event(&Event::Phase { name: "save".into() })?;
    Ok(model.save_trained(recipe.model_path()?, &job.folder.model())?)
}
