//! Stochastic gradient descent with momentum (Polyak, 1964), as PyTorch computes it.

use rayon::prelude::*;
use unlearn_core::recipe::TrainSection;

use super::{Moments, Optimizer, Range, each};
use crate::Parameters;

/// With `g` the gradient plus `weight_decay · θ`: `m ← momentum · m + g`, `θ ← θ − η m`; without momentum, `θ ← θ − η g`
/// and no state.
#[derive(Debug, Clone)]
pub struct Sgd {
    momentum: f64,
    weight_decay: f64,
    steps: usize,
    velocity: Moments,
}

impl Sgd {
    /// An optimiser at rest.
    #[must_use]
    pub fn new(train: &TrainSection, parameters: &Parameters) -> Self {
        let velocity = match train.momentum > 0.0 {
            true => Moments::zeros(train, Range::Signed, parameters),
            false => Moments::none(parameters),
        };
        Self { momentum: train.momentum, weight_decay: train.weight_decay, steps: 0, velocity }
    }
}

impl Optimizer for Sgd {
    fn step(&mut self, parameters: &mut Parameters, gradients: &[Vec<f32>], scale: f64, learning_rate: f64) {
        self.steps += 1;
        let (momentum, decay) = (self.momentum as f32, self.weight_decay as f32);
        let (scale, rate) = (scale as f32, learning_rate as f32);
        if self.momentum > 0.0 {
            each(parameters, gradients, &mut self.velocity, |p, g, m| {
                *m = momentum * *m + (g * scale + decay * *p);
                *p -= rate * *m;
            });
            return;
        }
        for (i, gradient) in gradients.iter().enumerate().filter(|(_, g)| !g.is_empty()) {
            parameters.update(i, |values| {
                let pairs = values.par_iter_mut().zip(gradient);
                pairs.for_each(|(p, g)| *p -= rate * (g * scale + decay * *p));
            });
        }
    }

    fn steps(&self) -> usize {
        self.steps
    }

    fn state(&self) -> Vec<(&'static str, &Moments)> {
        if self.momentum > 0.0 { vec![("velocity", &self.velocity)] } else { Vec::new() }
    }

    fn restore(&mut self, steps: usize) -> Vec<(&'static str, &mut Moments)> {
        self.steps = steps;
        if self.momentum > 0.0 { vec![("velocity", &mut self.velocity)] } else { Vec::new() }
    }
}
