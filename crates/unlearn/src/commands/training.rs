//! The part that `train` and `run` share: the loop with its progress, its events and its saved model.

use std::cell::RefCell;

use anyhow::Result;
use unlearn_core::Recipe;
use unlearn_core::event::{Event, Step};
use unlearn_data::TokenRow;
use unlearn_engine::train::{Objective, Plan, Progress, Reference, train};
use unlearn_engine::{EngineError, LanguageModel};

use crate::context::Context;
use crate::job::Job;

/// Trains and saves; on an interruption the costs so far are saved too.
pub fn train_and_save(
    context: &Context,
    job: &mut Job,
    recipe: &Recipe,
    model: &mut LanguageModel,
    objective: &dyn Objective,
    [forget, retain]: [&[TokenRow]; 2],
    reference: &Reference,
) -> Result<()> {
    let plan = Plan {
        train: &recipe.train,
        seed: recipe.seed,
        forget,
        retain,
        reference,
        state: Some((job.folder.state(), job.fingerprint(recipe))),
        stop: &context.stop,
    };
    job.event(&Event::Phase { name: "train".into() })?;
    if !job.resumed {
        job.rewind_events(0)?;
    }
    let bar = context.bar("train", plan.steps());
    let this_job: &Job = job;
    let fresh = RefCell::new(true);
    let mut tell = |progress: Progress<'_>| -> Result<(), EngineError> {
        match progress {
            Progress::Resumed(step) => {
                fresh.replace(false);
                bar.begin_at(step);
                bar.line(format!("resumed after step {step}"));
                this_job.rewind_events(step)?;
                this_job.event(&Event::Resumed { step: step + 1 })?;
            }
            Progress::Step(step, _) => {
                // Killed before anything was saved: the steps of the earlier attempt are taken again.
                if fresh.replace(false) {
                    this_job.rewind_events(0)?;
                }
                bar.set(step.step, describe(step));
                this_job.event(&Event::Step(step.clone()))?;
            }
        }
        Ok(())
    };
    let outcome = context.guarded(|| train(model, objective, &plan, &mut tell));
    drop(bar);
    let outcome = match outcome {
        Ok(outcome) => outcome,
        Err(e) => {
            job.pause()?;
            return Err(e.into());
        }
    };
    let rate = outcome.tokens as f64 / outcome.seconds.max(1e-9);
    context.say(format!("trained {} steps in {:.0} s, {rate:.0} tokens/s", outcome.steps, outcome.seconds));
    job.record.cost.tokens = outcome.tokens;
    job.record.cost.flops =
        3.0 * outcome.tokens as f64 * model.decoder.config().flops_per_token(model.parameters.count());
    job.event(&Event::Phase { name: "save".into() })?;
    model.save(&job.folder.model())?;
    Ok(())
}

fn describe(step: &Step) -> String {
    let terms: Vec<String> = step.terms.iter().map(|(name, value)| format!("{name} {value:.3}")).collect();
    let rate = step.tokens as f64 / step.seconds.max(1e-9);
    format!("{} · {rate:.0} tokens/s", terms.join(" · "))
}
