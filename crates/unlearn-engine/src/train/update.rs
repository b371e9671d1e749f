//! What a step does with its gradient: the optimiser, and the average of the weights.

use std::borrow::Cow;

use unlearn_core::recipe::{Curvature, TrainSection};

use super::average::Average;
use super::state::Saved;
use super::{Gradients, Optimizer, optimizer};
use crate::{LanguageModel, Parameters};

/// The optimiser and the average, with what of them is saved.
pub(super) struct Update {
    optimizer: Box<dyn Optimizer>,
    average: Option<Average>,
}

/// What is saved, under a name.
pub(super) type Named<'a> = (&'static str, &'a dyn Saved);

impl Update {
    pub(super) fn new(train: &TrainSection, steps: usize, parameters: &Parameters) -> Self {
        Self { optimizer: optimizer(train, parameters), average: Average::new(train, steps, parameters) }
    }

    /// Steps taken.
    pub(super) fn steps(&self) -> usize {
        self.optimizer.steps()
    }

    /// The estimate of the curvature that the next step wants.
    pub(super) fn wanted(&self) -> Option<Curvature> {
        self.optimizer.wanted()
    }

    /// Takes one step along a gradient times `scale`.
    pub(super) fn step(
        &mut self,
        parameters: &mut Parameters,
        (gradients, curvature): (&Gradients, Option<&Gradients>),
        scale: f64,
        learning_rate: f64,
    ) {
        if let Some(curvature) = curvature {
            self.optimizer.observe(&curvature.0);
        }
        self.optimizer.step(parameters, &gradients.0, scale, learning_rate);
        if let Some(average) = &mut self.average {
            average.take(self.optimizer.steps() - 1, parameters);
        }
    }

    /// The model as the run would leave it now.
    pub(super) fn of<'a>(&self, model: &'a LanguageModel) -> Cow<'a, LanguageModel> {
        if self.average.is_none() {
            return Cow::Borrowed(model);
        }
        let mut averaged = model.clone();
        self.finish(&mut averaged.parameters);
        Cow::Owned(averaged)
    }

    /// Puts what the run leaves in the weights' place, after the last step.
    pub(super) fn finish(&self, parameters: &mut Parameters) {
        if let Some(average) = &self.average {
            average.place(parameters);
        }
    }

    /// What is saved.
    pub(super) fn state(&self) -> Vec<Named<'_>> {
        let optimizer = self.optimizer.state().into_iter().map(|(name, moments)| (name, moments as &dyn Saved));
        optimizer.chain(self.average.iter().map(|a| ("average", &a.values as &dyn Saved))).collect()
    }

    /// Where what was saved after so many steps is put.
    pub(super) fn restore(&mut self, steps: usize) -> Vec<(&'static str, &mut dyn Saved)> {
        let optimizer = self.optimizer.restore(steps).into_iter();
        let optimizer = optimizer.map(|(name, moments)| (name, moments as &mut dyn Saved));
        optimizer.chain(self.average.iter_mut().map(|a| ("average", &mut a.values as &mut dyn Saved))).collect()
    }
}
