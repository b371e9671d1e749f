//! Sophia (Liu et al., 2023, arXiv 2305.14342, algorithm 3), the optimiser of SOUL (Jia et al., 2024, arXiv 2404.18239).

use unlearn_core::recipe::{Curvature, TrainSection};

use super::{Moments, Optimizer, Range, each_of_two};
use crate::Parameters;

/// `m ← β₁ m + (1 − β₁) g`; every `k` steps `h ← β₂ h + (1 − β₂) ĥ`; `θ ← θ (1 − η λ) − η clip(m / max(ρ h, ε), 1)`.
///
/// SOUL's program takes the momentum's average twice in a step, and in every step the squared gradient of the loss
/// itself for `ĥ`. Here both are as published: one average, and an estimate of the curvature every `k` steps.
#[derive(Debug, Clone)]
pub struct Sophia {
    curvature: Curvature,
    every: usize,
    rho: f64,
    beta1: f64,
    beta2: f64,
    eps: f64,
    weight_decay: f64,
    steps: usize,
    momentum: Moments,
    hessian: Moments,
}

impl Sophia {
    /// An optimiser at rest.
    #[must_use]
    pub fn new(train: &TrainSection, parameters: &Parameters) -> Self {
        let s = &train.sophia;
        Self {
            curvature: s.curvature,
            every: s.every.max(1),
            rho: s.rho,
            beta1: s.beta1,
            beta2: s.beta2,
            eps: s.eps,
            weight_decay: train.weight_decay,
            steps: 0,
            momentum: Moments::zeros(train, Range::Signed, parameters),
            hessian: Moments::zeros(train, Range::Signed, parameters),
        }
    }
}

impl Optimizer for Sophia {
    fn step(&mut self, parameters: &mut Parameters, gradients: &[Vec<f32>], scale: f64, learning_rate: f64) {
        self.steps += 1;
        let (b1, c1, scale) = (self.beta1 as f32, (1.0 - self.beta1) as f32, scale as f32);
        let (rho, eps, rate) = (self.rho as f32, self.eps as f32, learning_rate as f32);
        let fade = (learning_rate * self.weight_decay) as f32;
        each_of_two(parameters, gradients, [&mut self.momentum, &mut self.hessian], |p, g, m, h| {
            *m = b1 * *m + c1 * (g * scale);
            *p -= fade * *p + rate * (*m / (rho * *h).max(eps)).clamp(-1.0, 1.0);
        });
    }

    fn steps(&self) -> usize {
        self.steps
    }

    fn state(&self) -> Vec<(&'static str, &Moments)> {
        vec![("momentum", &self.momentum), ("hessian", &self.hessian)]
    }

    fn restore(&mut self, steps: usize) -> Vec<(&'static str, &mut Moments)> {
        self.steps = steps;
        vec![("momentum", &mut self.momentum), ("hessian", &mut self.hessian)]
    }

    fn wanted(&self) -> Option<Curvature> {
        self.steps.is_multiple_of(self.every).then_some(self.curvature)
    }

    fn observe(&mut self, curvature: &[Vec<f32>]) {
        let (b2, c2) = (self.beta2 as f32, (1.0 - self.beta2) as f32);
        self.hessian.join(curvature, |h, new| *h = b2 * *h + c2 * new);
    }
}
