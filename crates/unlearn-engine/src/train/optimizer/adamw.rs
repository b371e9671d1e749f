//! AdamW with decoupled weight decay (Loshchilov and Hutter, 2019), as PyTorch computes it.

use unlearn_core::recipe::TrainSection;

use super::{Moments, Optimizer, Range, each_of_two};
use crate::Parameters;

/// The optimiser and its moments.
#[derive(Debug, Clone)]
pub struct AdamW {
    beta1: f64,
    beta2: f64,
    eps: f64,
    weight_decay: f64,
    /// Steps taken.
    pub steps: usize,
    /// First moments.
    pub first: Moments,
    /// Second moments.
    pub second: Moments,
}

impl AdamW {
    /// An optimiser at rest.
    #[must_use]
    pub fn new(train: &TrainSection, parameters: &Parameters) -> Self {
        Self {
            beta1: train.beta1,
            beta2: train.beta2,
            eps: train.eps,
            weight_decay: train.weight_decay,
            steps: 0,
            first: Moments::zeros(train, Range::Signed, parameters),
            second: Moments::zeros(train, Range::Unsigned, parameters),
        }
    }
}

impl Optimizer for AdamW {
    fn step(&mut self, parameters: &mut Parameters, gradients: &[Vec<f32>], scale: f64, learning_rate: f64) {
        self.steps += 1;
        let t = self.steps as i32;
        let step_size = (learning_rate / (1.0 - self.beta1.powi(t))) as f32;
        let root_correction = (1.0 - self.beta2.powi(t)).sqrt() as f32;
        let fade = (learning_rate * self.weight_decay) as f32;
        let (b1, b2, eps, scale) = (self.beta1 as f32, self.beta2 as f32, self.eps as f32, scale as f32);
        let (c1, c2) = ((1.0 - self.beta1) as f32, (1.0 - self.beta2) as f32);
        each_of_two(parameters, gradients, [&mut self.first, &mut self.second], |p, g, m, v| {
            let g = g * scale;
            *m = b1 * *m + c1 * g;
            *v = b2 * *v + c2 * g * g;
            // One subtraction: rounding a weight twice, to the same grid for all of them, shifts steps of the same size alike.
            *p -= fade * *p + step_size * *m / (v.sqrt() / root_correction + eps);
        });
    }

    fn steps(&self) -> usize {
        self.steps
    }

    fn state(&self) -> Vec<(&'static str, &Moments)> {
        vec![("first", &self.first), ("second", &self.second)]
    }

    fn restore(&mut self, steps: usize) -> Vec<(&'static str, &mut Moments)> {
        self.steps = steps;
        vec![("first", &mut self.first), ("second", &mut self.second)]
    }
}
