//! Lion (Chen et al., 2023, arXiv 2302.06675, program 1), with decoupled weight decay.

use unlearn_core::recipe::TrainSection;

use super::{Moments, Optimizer, Range, each};
use crate::Parameters;

/// `θ ← θ − η (sign(β₁ m + (1 − β₁) g) + λ θ)`, then `m ← β₂ m + (1 − β₂) g`.
#[derive(Debug, Clone)]
pub struct Lion {
    beta1: f64,
    beta2: f64,
    weight_decay: f64,
    steps: usize,
    momentum: Moments,
}

impl Lion {
    /// An optimiser at rest.
    #[must_use]
    pub fn new(train: &TrainSection, parameters: &Parameters) -> Self {
        let (beta1, beta2) = (train.lion.beta1, train.lion.beta2);
        Self {
            beta1,
            beta2,
            weight_decay: train.weight_decay,
            steps: 0,
            momentum: Moments::zeros(train, Range::Signed, parameters),
        }
    }
}

impl Optimizer for Lion {
    fn step(&mut self, parameters: &mut Parameters, gradients: &[Vec<f32>], scale: f64, learning_rate: f64) {
        self.steps += 1;
        let (b1, b2) = (self.beta1 as f32, self.beta2 as f32);
        let (c1, c2) = ((1.0 - self.beta1) as f32, (1.0 - self.beta2) as f32);
        let (scale, rate) = (scale as f32, learning_rate as f32);
        let fade = (learning_rate * self.weight_decay) as f32;
        each(parameters, gradients, &mut self.momentum, |p, g, m| {
            let g = g * scale;
            *p -= fade * *p + rate * sign(b1 * *m + c1 * g);
            *m = b2 * *m + c2 * g;
        });
    }

    fn steps(&self) -> usize {
        self.steps
    }

    fn state(&self) -> Vec<(&'static str, &Moments)> {
        vec![("momentum", &self.momentum)]
    }

    fn restore(&mut self, steps: usize) -> Vec<(&'static str, &mut Moments)> {
        self.steps = steps;
        vec![("momentum", &mut self.momentum)]
    }
}

/// −1, 0 or 1: a value without a gradient stays where it is.
fn sign(x: f32) -> f32 {
    if x == 0.0 { 0.0 } else { x.signum() }
}
