//! Edits: ways to forget that change weights otherwise than by the training loop alone.

mod measure;
mod traced;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use unlearn_core::recipe::TrainSection;

use crate::train::{
    Cache, Needs, Objective, Outcome, Plan, Progress, Quantity, Question, Reference, Set, Sets, Setup, train,
};
use crate::{EngineError, LanguageModel, tensor::Device};

pub use measure::{line_search, loss_on, mlp_layers};
pub use traced::{Traced, traced};

/// What an edit tells while it runs.
pub enum Told<'a> {
    /// Another part of its work began.
    Phase(&'a str),
    /// Of a training loop inside it.
    Training(Progress<'a>),
    /// An earlier process had finished this part, of so many steps.
    Earlier(usize),
}

/// What an edit works with.
pub struct Bench<'a> {
    /// `[train]`
    pub train: &'a TrainSection,
    /// The run's seed.
    pub seed: u64,
    /// The rows.
    pub sets: &'a Sets,
    /// Where states are kept from which an interrupted run goes on, and what must not have changed.
    pub state: Option<(PathBuf, String)>,
    /// Set from outside to stop.
    pub stop: &'a AtomicBool,
    /// Where to compute.
    pub device: Device,
    /// Told what happens.
    pub tell: &'a mut dyn FnMut(Told<'_>) -> Result<(), EngineError>,
}

impl Bench<'_> {
    /// Begins a part of the work.
    ///
    /// # Errors
    /// When it cannot be told.
    pub fn phase(&mut self, name: &str) -> Result<(), EngineError> {
        (self.tell)(Told::Phase(name))
    }

    /// Trains a model inside an edit; interrupted, it goes on from a state of its own.
    ///
    /// # Errors
    /// As [`train`].
    pub fn tune(
        &mut self,
        phase: &str,
        model: &mut LanguageModel,
        (objective, section): (&mut dyn Objective, &TrainSection),
        (sets, reference): (&Sets, &Reference),
    ) -> Result<Outcome, EngineError> {
        self.phase(phase)?;
        objective.prepare(&Setup::of(model, self.seed))?;
        let state = self.state.as_ref().map(|(dir, print)| (dir.join(phase), format!("{print} {phase}")));
        let plan = Plan { train: section, seed: self.seed, sets, reference, state, watch: None, stop: self.stop };
        let steps = plan.steps();
        let tell = &mut *self.tell;
        train(model, objective, &plan, &mut |progress| match progress {
            // Nothing of it is taken again.
            Progress::Resumed(step) if step == steps => tell(Told::Earlier(steps)),
            progress => tell(Told::Training(progress)),
        })
    }

    /// What `needs` asks of the model as it is, kept on disk while the run lasts.
    ///
    /// # Errors
    /// When it cannot be kept.
    pub fn reference(&mut self, model: &LanguageModel, needs: &Needs) -> Result<Reference, EngineError> {
        self.reference_on(model, needs, self.sets)
    }

    /// The same on other rows.
    ///
    /// # Errors
    /// When it cannot be kept.
    pub fn reference_on(&self, model: &LanguageModel, needs: &Needs, sets: &Sets) -> Result<Reference, EngineError> {
        let cache = self.state.as_ref().map(|(dir, print)| Cache { dir: dir.join("reference"), model: print.clone() });
        let question = Question { cache, ..Question::new(needs, sets, self.train.micro_tokens) };
        Reference::ask(model, &question, &mut |step, _| self.go_on(step))
    }

    /// The model's distributions on the retain set.
    ///
    /// # Errors
    /// When they cannot be kept.
    pub fn distributions(&self, model: &LanguageModel) -> Result<Reference, EngineError> {
        let reference = vec![(Set::Retain, Quantity::Distributions)];
        self.reference_on(model, &Needs { reference, ..Needs::default() }, self.sets)
    }

    /// Another model of the same shape.
    ///
    /// # Errors
    /// When it cannot be read or has other parameters.
    pub fn read_like(&self, model: &LanguageModel, path: &Path) -> Result<LanguageModel, EngineError> {
        let other = LanguageModel::read(path, &self.device)?;
        if other.decoder.specs() == model.decoder.specs() {
            return Ok(other);
        }
        let reason = format!("the model in `{}` has other parameters", path.display());
        Err(EngineError::method("method", reason, "give checkpoints of the same architecture and size"))
    }

    /// Whether the user asked to stop; with an error if so.
    ///
    /// # Errors
    /// When the user did.
    pub fn go_on(&self, step: usize) -> Result<(), EngineError> {
        if self.stop.load(Ordering::Relaxed) { Err(EngineError::Interrupted { step }) } else { Ok(()) }
    }
}

/// A way to forget that changes weights as it likes.
pub trait Edit: Send + Sync {
    /// Gets to know the model.
    ///
    /// # Errors
    /// When the model does not fit.
    fn prepare(&mut self, _: &Setup<'_>) -> Result<(), EngineError> {
        Ok(())
    }

    /// Whether it makes no sense without retain rows.
    fn retain_rows(&self) -> bool;

    /// Further checkpoints that it reads, by role.
    fn inputs(&self) -> Vec<(String, PathBuf)> {
        Vec::new()
    }

    /// Changes `model`, all of whose weights are float32. The result depends on the bench and the weights alone.
    ///
    /// # Errors
    /// When the work cannot be done, or the user interrupts.
    fn apply(&self, model: &mut LanguageModel, bench: &mut Bench<'_>) -> Result<Outcome, EngineError>;
}
