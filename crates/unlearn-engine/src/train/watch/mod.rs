//! Looking at a run while it trains: points, the weights that are kept of them, and the guard against divergence.

mod disruption;
mod guard;
mod kept;
mod points;

use std::collections::BTreeSet;
use std::path::Path;

use unlearn_core::event::{KeptBy, StopReason, Watch};
use unlearn_core::recipe::{Clip, TrainSection, WatchSection};

pub use disruption::disruption;

use crate::{EngineError, LanguageModel};
use guard::Guard;
use kept::Kept;
use points::Points;

/// Looks at the model as it is after a number of steps; `None` when what it says is not a number.
pub type Look<'a> = dyn Fn(&LanguageModel, usize) -> Result<Option<Watch>, EngineError> + 'a;

/// How a run is watched.
pub struct Watching<'a> {
    /// `[watch]`; its `every` is not 0.
    pub section: &'a WatchSection,
    /// What is taken at each point.
    pub look: &'a Look<'a>,
    /// Where weights are kept: the folder of the run's state.
    pub dir: &'a Path,
}

/// The watch over one run.
pub(super) struct Lookout<'a> {
    watching: Option<(&'a Watching<'a>, Kept)>,
    train: &'a TrainSection,
    guard: Guard,
    points: Points,
    /// The step of the saved state, and the kept weights that it asks for.
    saved: Option<usize>,
    saved_asks: BTreeSet<usize>,
}

impl<'a> Lookout<'a> {
    pub(super) fn new(train: &'a TrainSection, watching: Option<&'a Watching<'a>>) -> Self {
        let watching = watching.map(|w| (w, Kept::new(w.dir)));
        let (guard, points) = (Guard::default(), Points::default());
        Self { watching, train, guard, points, saved: None, saved_asks: BTreeSet::new() }
    }

    /// What a resumed run has to know.
    pub(super) fn state(&self) -> Vec<f64> {
        [self.guard.state(), self.points.state()].concat()
    }

    /// Takes up what was saved after a step.
    pub(super) fn restore(&mut self, numbers: &[f64], step: usize) {
        let rest = self.guard.restore(numbers);
        self.points.restore(rest);
        self.saved(step);
    }

    /// The state after this step was saved.
    pub(super) fn saved(&mut self, step: usize) {
        self.saved = Some(step);
        self.saved_asks = self.asks();
        self.tidy();
    }

    /// The step of the saved state.
    pub(super) fn saved_step(&self) -> Option<usize> {
        self.saved
    }

    /// Whether the weights may be saved to go on from.
    pub(super) fn is_calm(&self) -> bool {
        self.guard.is_calm()
    }

    /// The steps whose weights the run may still end with or go back to.
    fn asks(&self) -> BTreeSet<usize> {
        let chosen = self.watching.as_ref().and_then(|(w, _)| self.points.chosen(w.section));
        chosen.map(|(step, _)| step).into_iter().chain(self.points.last_step()).collect()
    }

    fn tidy(&self) {
        if let Some((_, kept)) = &self.watching {
            kept.remove_others(&self.asks().union(&self.saved_asks).copied().collect());
        }
    }

    /// Looks at the model after `step` of `steps`, if that is a point and was not looked at before.
    pub(super) fn look(
        &mut self,
        model: &LanguageModel,
        step: usize,
        steps: usize,
    ) -> Result<Option<Watch>, EngineError> {
        let Some((watching, kept)) = &self.watching else { return Ok(None) };
        let due = step.is_multiple_of(watching.section.every) || step == steps;
        if !due || self.points.last_step() == Some(step) {
            return Ok(None);
        }
        let Some(point) = (watching.look)(model, step)? else {
            return Err(self.diverged(step, "the model's answers are no longer numbers".into()));
        };
        if let Some(what) = self.points.collapsed(watching.section, &point) {
            // A state that was saved since the last point is as collapsed.
            self.saved = self.saved.filter(|s| Some(*s) <= self.points.last_step());
            return Err(self.diverged(step, what));
        }
        kept.write(&model.parameters, step)?;
        self.points.0.push(point);
        self.tidy();
        Ok(Some(point))
    }

    /// Refuses a step whose loss or gradient shows that the run has diverged.
    pub(super) fn check(&mut self, step: usize, loss: f64, norm: f64) -> Result<(), EngineError> {
        let Some(what) = self.guard.check(loss, norm) else { return Ok(()) };
        // An interruption may have saved the very weights that gave this.
        self.saved = self.saved.filter(|saved| saved + 1 < step);
        Err(self.diverged(step, what))
    }

    /// Why training should stop.
    pub(super) fn stop(&self) -> Option<StopReason> {
        self.watching.as_ref().and_then(|(w, _)| self.points.stop(w.section))
    }

    /// Puts the weights in place that the run, which has taken `steps`, ends with.
    pub(super) fn settle(
        &self,
        model: &mut LanguageModel,
        steps: usize,
    ) -> Result<Option<(usize, KeptBy)>, EngineError> {
        let Some((watching, kept)) = &self.watching else { return Ok(None) };
        let Some((step, by)) = self.points.chosen(watching.section) else { return Ok(None) };
        if step != steps {
            kept.read(&mut model.parameters, step)?;
        }
        Ok(Some((step, by)))
    }

    /// Puts the weights after a step in place, if they were kept here.
    pub(super) fn go_back(&self, model: &mut LanguageModel, step: usize) -> Result<bool, EngineError> {
        let kept = self.watching.as_ref().map(|(_, kept)| kept).filter(|_| self.points.last_step() == Some(step));
        kept.map_or(Ok(false), |kept| kept.read(&mut model.parameters, step).map(|()| true))
    }

    fn diverged(&self, step: usize, what: String) -> EngineError {
        let good = self.points.last_step().max(self.saved);
        EngineError::Diverged { step, what, good, advice: advice(self.train), kept: None }
    }
}

/// Which settings to change.
fn advice(train: &TrainSection) -> String {
    let clip = match train.clip {
        Clip::None => "set `train.clip` (now none)".to_owned(),
        Clip::Norm(x) => format!("a lower `train.clip` (now {x})"),
    };
    let (rate, warmup) = (train.learning_rate, train.warmup);
    format!("a lower `train.learning_rate` (now {rate:e}), {clip} or a longer `train.warmup` (now {warmup})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_that_gave_no_number_are_not_good_because_they_were_saved() {
        let train = TrainSection::default();
        for (saved, expected) in [(2, Some(2)), (3, None)] {
            let mut lookout = Lookout::new(&train, None);
            lookout.saved(saved);
            let error = lookout.check(4, f64::NAN, 1.0).expect_err("not a number");
            assert!(matches!(error, EngineError::Diverged { step: 4, good, .. } if good == expected), "{error}");
        }
    }
}
