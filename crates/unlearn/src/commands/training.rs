//! The part that `train` and `run` share: the loop with its progress, its events and its saved model.

use std::cell::RefCell;

use anyhow::Result;
use unlearn_core::Recipe;
use unlearn_core::event::{Event, Step};
use unlearn_core::recipe::AdapterKind;
use unlearn_core::run::KeptWeights;
use unlearn_engine::adapter::peft;
use unlearn_engine::train::{Look, Objective, Plan, Progress, Reference, RowSizes, Sets, Watching, fit, train};
use unlearn_engine::{Decoder, EngineError, LanguageModel, Loading, checkpoint};

use super::watched;
use crate::context::Context;
use crate::job::Job;

/// A model as `[train]` needs it: all of it trainable, or what was chosen with the rest packed away.
pub fn model(context: &Context, recipe: &Recipe) -> Result<LanguageModel> {
    let path = recipe.model_path()?;
    Ok(LanguageModel::load(path, Loading::Training(&recipe.train, recipe.seed), &context.device)?)
}

/// The recipe with micro-batches that keep it within `train.max_memory`.
pub fn within_memory(context: &Context, recipe: &Recipe, sets: &Sets) -> Result<Recipe> {
    if recipe.train.max_memory.is_none() {
        return Ok(recipe.clone());
    }
    let path = recipe.model_path()?;
    let decoder = Decoder::new(LanguageModel::read_config(path)?);
    let rows = RowSizes::of(sets.all());
    let train = fit(&decoder, &recipe.train, checkpoint::bytes_per_value(path)?, rows)?;
    let said = [
        (train.micro_tokens != recipe.train.micro_tokens)
            .then(|| format!("micro-batches of {} tokens", train.micro_tokens)),
        (train.gradient_checkpointing != recipe.train.gradient_checkpointing)
            .then(|| "gradient checkpointing".to_owned()),
    ];
    let said: Vec<String> = said.into_iter().flatten().collect();
    if !said.is_empty() {
        context.say(format!("to stay within `train.max_memory`: {}", said.join(", ")));
    }
    Ok(Recipe { train, ..recipe.clone() })
}

/// Trains and saves; on an interruption the costs so far are saved too.
pub fn train_and_save(
    context: &Context,
    job: &mut Job,
    recipe: &Recipe,
    model: &mut LanguageModel,
    objective: &mut dyn Objective,
    (sets, reference): (&Sets, &Reference),
    watch: Option<&Look<'_>>,
) -> Result<()> {
    let state = job.folder.state();
    let plan = Plan {
        train: &recipe.train,
        seed: recipe.seed,
        sets,
        reference,
        state: Some((state.clone(), job.fingerprint(recipe))),
        watch: watch.map(|look| Watching { section: &recipe.watch, look, dir: &state }),
        stop: &context.stop,
    };
    job.event(&Event::Phase { name: "train".into() })?;
    if !job.resumed {
        job.rewind_events(None)?;
    }
    let bar = context.bar("train", plan.steps());
    let this_job: &Job = job;
    let fresh = RefCell::new(true);
    let mut tell = |progress: Progress<'_>| -> Result<(), EngineError> {
        // Killed before anything was saved: what the earlier attempt did is done again.
        if fresh.replace(false) && !matches!(progress, Progress::Resumed(_)) {
            this_job.rewind_events(None)?;
        }
        let line = |text: String| {
            if !context.common.quiet {
                bar.line(text);
            }
        };
        match progress {
            Progress::Resumed(step) => {
                bar.begin_at(step);
                bar.line(format!("resumed after step {step}"));
                this_job.rewind_events(Some(step))?;
                this_job.event(&Event::Resumed { step: step + 1 })?;
            }
            Progress::Step(step, _) => {
                bar.set(step.step, describe(step));
                this_job.event(&Event::Step(step.clone()))?;
            }
            Progress::Model(..) => {}
            Progress::Watch(point) => {
                line(watched::describe(point));
                this_job.event(&Event::Watch(*point))?;
            }
            Progress::Stopped(step, reason) => {
                line(format!("stopped after step {step}: {}", watched::reason(reason)));
                this_job.event(&Event::Stopped { step, reason })?;
            }
            Progress::Kept(step, by) => {
                line(format!("kept the weights after step {step}: {}", watched::by(by)));
                this_job.event(&Event::Kept { step, by })?;
            }
        }
        Ok(())
    };
    let outcome = context.guarded(|| train(model, objective, &plan, &mut tell));
    drop(bar);
    let outcome = match outcome {
        Ok(outcome) => outcome,
        Err(mut e) => {
            job.pause()?;
            if let EngineError::Diverged { good: Some(_), kept, .. } = &mut e {
                let place = job.folder.last_good();
                model.save_trained(recipe.model_path()?, &place)?;
                *kept = Some(place);
            }
            return Err(e.into());
        }
    };
    job.record.kept = outcome.kept.map(|(step, by)| {
        let (steps, stopped) = (outcome.steps, outcome.stopped);
        KeptWeights { step, steps, by, stopped }
    });
    let rate = outcome.tokens as f64 / outcome.seconds.max(1e-9);
    context.say(format!("trained {} steps in {:.0} s, {rate:.0} tokens/s", outcome.steps, outcome.seconds));
    job.record.cost.tokens = outcome.tokens;
    job.record.cost.flops =
        3.0 * outcome.tokens as f64 * model.decoder.config().flops_per_token(model.parameters.count());
    job.event(&Event::Phase { name: "save".into() })?;
    model.save_trained(recipe.model_path()?, &job.folder.model())?;
    if recipe.train.adapter == AdapterKind::Lora {
        let (base, lora) = (recipe.model_path()?, &recipe.train.lora);
        peft::write(&job.folder.adapter(), base, &model.decoder, &model.parameters, lora)?;
    }
    Ok(())
}

/// A step in words.
pub fn describe(step: &Step) -> String {
    let terms: Vec<String> = step.terms.iter().map(|(name, value)| format!("{name} {value:.3}")).collect();
    let rate = step.tokens as f64 / step.seconds.max(1e-9);
    format!("{} · {rate:.0} tokens/s", terms.join(" · "))
}
