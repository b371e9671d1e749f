//! The loop itself.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use unlearn_core::event::{KeptBy, Step, StopReason, Watch};
use unlearn_core::recipe::{Clip, TrainSection};
use unlearn_data::folds::Folds;

use super::perturb::Point;
use super::state::StateFolder;
use super::update::Update;
use super::watch::Lookout;
use super::worker::Worker;
use super::{Gradients, Objective, Reference, Set, Sets, Side, StepView, Totals, Watching, learning_rate};
use crate::{EngineError, LanguageModel};

/// What a training run works with.
pub struct Plan<'a> {
    /// `[train]`
    pub train: &'a TrainSection,
    /// The seed of the order of rows.
    pub seed: u64,
    /// The rows.
    pub sets: &'a Sets,
    /// What the objective asked of the reference.
    pub reference: &'a Reference,
    /// Where the state is kept, and what must not have changed for it to be used.
    pub state: Option<(PathBuf, String)>,
    /// How the run is watched, if it is.
    pub watch: Option<Watching<'a>>,
    /// Set from outside to stop after the current micro-batch.
    pub stop: &'a AtomicBool,
}

impl Plan<'_> {
    /// Optimiser steps in all.
    #[must_use]
    pub fn steps(&self) -> usize {
        steps_of(self.train, self.sets, self.seed)
    }

    /// Optimiser steps in a pass over the forget set.
    #[must_use]
    pub fn epoch_steps(&self) -> usize {
        self.order().per_epoch()
    }

    /// The forget rows of a step, and where the run then stands.
    #[must_use]
    pub fn forget_rows(&self, step: usize) -> (Vec<usize>, StepView) {
        let rows: Vec<usize> = self.order().rows(step).0.iter().map(|v| v.row).collect();
        let answers = rows.iter().map(|&i| self.sets.forget[i].supervised()).collect();
        let totals = BTreeMap::from([(Set::Forget, Totals { answers })]);
        (rows, StepView::new(step, self.steps(), self.epoch_steps(), totals))
    }

    pub(super) fn order(&self) -> Folds {
        order_of(self.train, self.sets, self.seed)
    }
}

pub(super) fn order_of(train: &TrainSection, sets: &Sets, seed: u64) -> Folds {
    let stages = (train.folds, steps_of(train, sets, seed));
    Folds::new(sets.counts(), train.batch_size, train.shuffle, seed, stages)
}

pub(super) fn steps_of(train: &TrainSection, sets: &Sets, seed: u64) -> usize {
    let order = Folds::new(sets.counts(), train.batch_size, train.shuffle, seed, (1, 0));
    train.steps.unwrap_or_else(|| (order.per_epoch() as f64 * train.epochs).round() as usize)
}

/// Refuses folds that a run cannot have.
///
/// # Errors
/// When there are fewer forget rows or steps than folds.
pub fn check_folds(train: &TrainSection, sets: &Sets, seed: u64) -> Result<(), EngineError> {
    let folds = train.folds;
    let counts = [(sets.forget.len(), "forget rows"), (steps_of(train, sets, seed), "steps")];
    match counts.into_iter().find(|(n, _)| folds > 1 && *n < folds) {
        Some((n, of)) => Err(EngineError::Folds { folds, n, of }),
        None => Ok(()),
    }
}

/// How often a run passes over the rows of a side, begun passes counted.
#[must_use]
pub fn passes(train: &TrainSection, sets: &Sets, seed: u64, side: Side) -> usize {
    let mut order = order_of(train, sets, seed);
    let Some(last) = steps_of(train, sets, seed).checked_sub(1) else { return 0 };
    let (forget, retain) = order.rows(last);
    let visits = if side == Side::Forget { forget } else { retain };
    visits.iter().map(|v| v.pass + 1).max().unwrap_or(0)
}

/// Of each set, the rows that a run visits: the reference is asked about no others.
#[must_use]
pub fn visited(train: &TrainSection, sets: &Sets, seed: u64) -> BTreeMap<Set, Vec<bool>> {
    let all = [Set::Forget, Set::ForgetAlternates, Set::Retain, Set::RetainAlternates];
    let mut seen: BTreeMap<Set, Vec<bool>> = all.iter().map(|&s| (s, vec![false; sets.rows(s).len()])).collect();
    let mut order = order_of(train, sets, seed);
    for step in 0..steps_of(train, sets, seed) {
        let (forget, retain) = order.rows(step);
        for (side, visits) in [(Side::Forget, forget), (Side::Retain, retain)] {
            let [own, alternates] = side.sets();
            for visit in visits {
                let places = sets.alternates(side).at(visit.row, visit.pass);
                for (set, places) in [(own, vec![visit.row]), (alternates, places)] {
                    if let Some(seen) = seen.get_mut(&set) {
                        places.into_iter().for_each(|i| seen[i] = true);
                    }
                }
            }
        }
    }
    seen
}

/// What the loop tells while it runs.
pub enum Progress<'a> {
    /// It goes on after this many steps that an earlier process took.
    Resumed(usize),
    /// A step was taken, of so many.
    Step(&'a Step, usize),
    /// The model after so many steps.
    Model(&'a LanguageModel, usize),
    /// The model was looked at.
    Watch(&'a Watch),
    /// It ends early, after this many steps.
    Stopped(usize, StopReason),
    /// A watched run ends with the weights after this many steps.
    Kept(usize, KeptBy),
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
    /// Of a watched run, the step whose weights it ends with, and why these.
    pub kept: Option<(usize, KeptBy)>,
    /// Why it ended before its last step, if it did.
    pub stopped: Option<StopReason>,
}

/// Trains `model` on `objective`. The result depends on the plan and the weights alone: not on the threads, not on
/// interruptions. A run that diverges leaves `model` with the last good weights that were kept.
///
/// # Errors
/// When the run diverges, the state cannot be read or written, or the user interrupts.
pub fn train(
    model: &mut LanguageModel,
    objective: &mut dyn Objective,
    plan: &Plan<'_>,
    tell: &mut dyn FnMut(Progress<'_>) -> Result<(), EngineError>,
) -> Result<Outcome, EngineError> {
    let mut lookout = Lookout::new(plan.train, plan.watch.as_ref());
    let outcome = take_steps(model, objective, plan, &mut lookout, tell);
    if let Err(EngineError::Diverged { good: Some(good), .. }) = &outcome
        && !lookout.go_back(model, *good)?
        && let Some((dir, fingerprint)) = &plan.state
    {
        let mut unused = Update::new(plan.train, plan.steps(), &model.parameters);
        StateFolder::new(dir, fingerprint).load(&mut model.parameters, &mut unused)?;
    }
    outcome
}

fn take_steps(
    model: &mut LanguageModel,
    objective: &mut dyn Objective,
    plan: &Plan<'_>,
    lookout: &mut Lookout<'_>,
    tell: &mut dyn FnMut(Progress<'_>) -> Result<(), EngineError>,
) -> Result<Outcome, EngineError> {
    let steps = plan.steps();
    let mut order = plan.order();
    check_folds(plan.train, plan.sets, plan.seed)?;
    let mut update = Update::new(plan.train, steps, &model.parameters);
    let state = plan.state.as_ref().map(|(dir, fingerprint)| StateFolder::new(dir, fingerprint));
    let (mut tokens, mut seconds) = (0, 0.0);
    if let Some(state) = &state
        && let Some(saved) = state.load(&mut model.parameters, &mut update)?
    {
        (tokens, seconds) = (saved.tokens, saved.seconds);
        objective.restore(&saved.learned());
        lookout.restore(&saved.watched(), saved.step);
        tell(Progress::Resumed(saved.step))?;
    }
    let mut saved_at = Instant::now();
    let mut worker = Worker::new(model, objective.needs(), plan, steps);
    let save = |model: &LanguageModel, update: &Update, cost, learned: &[f64], lookout: &mut Lookout<'_>| {
        let Some(state) = &state else { return Ok(()) };
        state.save(&model.parameters, update, cost, (learned, &lookout.state()))?;
        lookout.saved(update.steps());
        Ok::<(), EngineError>(())
    };
    if let Some(point) = lookout.look(&update.of(model), update.steps(), steps)? {
        tell(Progress::Watch(&point))?;
    }
    while update.steps() < steps && lookout.stop().is_none() {
        let began = Instant::now();
        let (step, wanted) = (update.steps(), update.wanted());
        let done = worker.step(Point::of(model), objective, (step, order.rows(step)), wanted)?;
        let Some((mut event, gradients, curvature, view)) = done else {
            save(model, &update, (tokens, seconds), &objective.state(), lookout)?;
            return Err(EngineError::Interrupted { step });
        };
        let norm = gradients.norm();
        let curved = curvature.as_ref().map_or(0.0, Gradients::norm);
        lookout.check(step + 1, event.loss, if curved.is_finite() { norm } else { curved })?;
        // Only now are the weights known to be good: they gave a loss and a gradient.
        let save_due = saved_at.elapsed().as_secs_f64() >= plan.train.save_seconds;
        if save_due && lookout.is_calm() && lookout.saved_step() != Some(step) {
            save(model, &update, (tokens, seconds), &objective.state(), lookout)?;
            saved_at = Instant::now();
        }
        let scale = match plan.train.clip {
            Clip::Norm(limit) if norm > limit => limit / (norm + 1e-6),
            _ => 1.0,
        };
        let rate = learning_rate(plan.train, step, steps);
        update.step(&mut model.parameters, (&gradients, curvature.as_ref()), scale, rate);
        objective.after_step(&view, &event.terms);
        event.step = step + 1;
        event.epoch = (step + 1) as f64 / order.per_epoch() as f64;
        event.learning_rate = rate;
        event.grad_norm = norm;
        event.seconds = began.elapsed().as_secs_f64();
        tokens += event.tokens as u64;
        seconds += event.seconds;
        tell(Progress::Step(&event, steps))?;
        tell(Progress::Model(model, update.steps()))?;
        if let Some(point) = lookout.look(&update.of(model), update.steps(), steps)? {
            tell(Progress::Watch(&point))?;
        }
    }
    let taken = update.steps();
    save(model, &update, (tokens, seconds), &objective.state(), lookout)?;
    // At the last step only going back is news.
    let stopped = lookout.stop().filter(|&reason| taken < steps || reason == StopReason::Disruption);
    if let Some(reason) = stopped {
        tell(Progress::Stopped(taken, reason))?;
    }
    update.finish(&mut model.parameters);
    let kept = lookout.settle(model, taken)?;
    if let Some((step, by)) = kept {
        tell(Progress::Kept(step, by))?;
    }
    Ok(Outcome { steps: taken, tokens, seconds, kept, stopped })
}
