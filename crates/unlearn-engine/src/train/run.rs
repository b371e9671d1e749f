//! The loop itself.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use unlearn_core::event::Step;
use unlearn_core::recipe::{AdapterKind, Clip, TrainSection};
use unlearn_data::TokenRow;
use unlearn_data::order::Steps;

use super::dropout::Dropout;
use super::prefix::PrefixCache;
use super::state::StateFolder;
use super::{AdamW, Forward, Gradients, Micro, Objective, Reference, Route, Side, Totals, learning_rate};
use crate::batch::{self, TokenBatch, Which};
use crate::decoder::Drop;
use crate::tensor::scalar;
use crate::{EngineError, LanguageModel};

/// What a training run works with.
pub struct Plan<'a> {
    /// `[train]`
    pub train: &'a TrainSection,
    /// The seed of the order of rows.
    pub seed: u64,
    /// Rows of the forget set (of `train`: of the data).
    pub forget: &'a [TokenRow],
    /// Rows of the retain set.
    pub retain: &'a [TokenRow],
    /// What the objective asked of the reference.
    pub reference: &'a Reference,
    /// Where the state is kept, and what must not have changed for it to be used.
    pub state: Option<(PathBuf, String)>,
    /// Set from outside to stop after the current micro-batch.
    pub stop: &'a AtomicBool,
}

impl Plan<'_> {
    /// Optimiser steps in all.
    #[must_use]
    pub fn steps(&self) -> usize {
        let per_epoch = self.order().per_epoch() as f64;
        self.train.steps.unwrap_or_else(|| (per_epoch * self.train.epochs).round() as usize)
    }

    fn order(&self) -> Steps {
        Steps::new(self.forget.len(), self.retain.len(), self.train.batch_size, self.train.shuffle, self.seed)
    }
}

/// What the loop tells while it runs.
pub enum Progress<'a> {
    /// It goes on after this many steps that an earlier process took.
    Resumed(usize),
    /// A step was taken, of so many.
    Step(&'a Step, usize),
}

/// What a finished loop leaves.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Outcome {
    /// Steps taken, by all processes together.
    pub steps: usize,
    /// Tokens that went through the model, padding not counted.
    pub tokens: u64,
    /// Seconds that the steps took.
    pub seconds: f64,
}

/// Trains `model` on `objective`. The result depends on the plan and the weights alone: not on the threads, not on
/// interruptions.
///
/// # Errors
/// When the loss stops being a number, the state cannot be read or written, or the user interrupts.
pub fn train(
    model: &mut LanguageModel,
    objective: &dyn Objective,
    plan: &Plan<'_>,
    tell: &mut dyn FnMut(Progress<'_>) -> Result<(), EngineError>,
) -> Result<Outcome, EngineError> {
    let steps = plan.steps();
    let mut order = plan.order();
    let mut optimizer = AdamW::new(plan.train, &model.parameters);
    let state = plan.state.as_ref().map(|(dir, fingerprint)| StateFolder::new(dir, fingerprint));
    let (mut tokens, mut seconds) = (0, 0.0);
    if let Some(state) = &state
        && let Some(saved) = state.load(&mut model.parameters, &mut optimizer)?
    {
        (tokens, seconds) = (saved.tokens, saved.seconds);
        tell(Progress::Resumed(saved.step))?;
    }
    let mut saved_at = Instant::now();
    let route = Route::new(&model.decoder, &model.parameters, plan.train.gradient_checkpointing);
    let again = steps > order.per_epoch();
    let prefix = PrefixCache::new(route.first, again, plan.train.prefix_cache.0);
    let mut worker = Worker { objective, plan, route, prefix };
    while optimizer.steps < steps {
        let began = Instant::now();
        let step = optimizer.steps;
        let Some((mut event, gradients)) = worker.gradient(model, step, order.rows(step)) else {
            if let Some(state) = &state {
                state.save(&model.parameters, &optimizer, tokens, seconds)?;
            }
            return Err(EngineError::Interrupted { step });
        };
        let norm = gradients.norm();
        check(step, event.loss, "loss")?;
        check(step, norm, "gradient")?;
        let scale = match plan.train.clip {
            Clip::Norm(limit) if norm > limit => limit / (norm + 1e-6),
            _ => 1.0,
        };
        let rate = learning_rate(plan.train, step, steps);
        optimizer.step(&mut model.parameters, &gradients.0, scale, rate);
        event.step = step + 1;
        event.epoch = (step + 1) as f64 / order.per_epoch() as f64;
        event.learning_rate = rate;
        event.grad_norm = norm;
        event.seconds = began.elapsed().as_secs_f64();
        tokens += event.tokens as u64;
        seconds += event.seconds;
        tell(Progress::Step(&event, steps))?;
        if let Some(state) = &state
            && saved_at.elapsed().as_secs_f64() >= plan.train.save_seconds
        {
            state.save(&model.parameters, &optimizer, tokens, seconds)?;
            saved_at = Instant::now();
        }
    }
    if let Some(state) = &state {
        state.save(&model.parameters, &optimizer, tokens, seconds)?;
    }
    Ok(Outcome { steps, tokens, seconds })
}

fn check(step: usize, value: f64, what: &'static str) -> Result<(), EngineError> {
    if value.is_finite() { Ok(()) } else { Err(EngineError::Diverged { step: step + 1, what }) }
}

/// What the micro-batches of a run have in common.
struct Worker<'a> {
    objective: &'a dyn Objective,
    plan: &'a Plan<'a>,
    route: Route,
    prefix: Option<PrefixCache>,
}

impl Worker<'_> {
    /// The gradient of one step, micro-batch by micro-batch; `None` when the user interrupts.
    fn gradient(
        &mut self,
        model: &LanguageModel,
        step: usize,
        (forget, retain): (Vec<usize>, Vec<usize>),
    ) -> Option<(Step, Gradients)> {
        let plan = self.plan;
        let mut event = Step::default();
        let mut terms: BTreeMap<String, f64> = BTreeMap::new();
        let mut sum = Gradients::new(&model.parameters);
        let plain = model.parameters.frozen();
        let sides = [(Side::Forget, forget, plan.forget), (Side::Retain, retain, plan.retain)];
        for (side, rows, set) in sides {
            let totals = Totals { tokens: rows.iter().map(|&i| set[i].supervised()).sum(), sequences: rows.len() };
            let lengths: Vec<usize> = rows.iter().map(|&i| set[i].ids.len()).collect();
            for group in batch::plan(&lengths, plan.train.micro_tokens) {
                if plan.stop.load(Ordering::Relaxed) {
                    return None;
                }
                let places: Vec<usize> = group.iter().map(|&g| rows[g]).collect();
                let members: Vec<&TokenRow> = places.iter().map(|&i| &set[i]).collect();
                let batch = TokenBatch::new(&members, Which::Supervised, model.parameters.device());
                let drop = self.dropout(model, (step, side, &places));
                let tracked = model.parameters.tracked().with_drop(drop.clone());
                let plain = plain.clone().with_drop(drop);
                let device = model.parameters.device();
                let input = self
                    .prefix
                    .as_mut()
                    .map(|cache| cache.input(&model.decoder, &plain, (side, &places), &members, device));
                let forward = Forward::run(&model.decoder, [&tracked, &plain], &batch, self.route, input);
                let micro = Micro::new(&model.decoder, &tracked, &batch, &places, totals, plan.reference)
                    .with_hidden(forward.hidden());
                let term = match side {
                    Side::Forget => Some(self.objective.forget(&micro)),
                    Side::Retain => self.objective.retain(&micro),
                };
                let Some(term) = term else { continue };
                let loss = term.value.clone().mul_scalar(term.weight);
                let value = scalar(term.value.detach());
                *terms.entry(term.name.to_owned()).or_default() += value;
                event.loss += value * term.weight;
                event.tokens += batch.token_count;
                let cut = micro.into_cut();
                forward.backward(loss, cut, &mut sum);
            }
        }
        event.terms = terms;
        Some((event, sum))
    }

    fn dropout(&self, model: &LanguageModel, place: (usize, Side, &[usize])) -> Option<Arc<dyn Drop>> {
        let rate = self.plan.train.lora.dropout;
        let adapted = self.plan.train.adapter == AdapterKind::Lora && rate > 0.0;
        adapted.then(|| Arc::new(Dropout::new(rate, self.plan.seed, place, &model.parameters)) as Arc<dyn Drop>)
    }
}
