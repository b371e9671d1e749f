//! Gradients on the host, added up over the micro-batches of a step in a fixed order.

use burn::tensor::{Gradients as Tape, Tensor};
use rayon::prelude::*;

use crate::tensor::values;
use crate::{Parameters, Weights};

/// The gradient of each trained parameter, by its place; empty for the others.
#[derive(Debug, Clone)]
pub struct Gradients(pub Vec<Vec<f32>>);

impl Gradients {
    /// Zeros.
    #[must_use]
    pub fn new(parameters: &Parameters) -> Self {
        let mut all = vec![Vec::new(); parameters.specs().len()];
        for i in parameters.trained() {
            all[i] = vec![0.0; parameters.specs()[i].len()];
        }
        Self(all)
    }

    /// Adds what a backward pass left.
    pub fn add(&mut self, weights: &Weights, tape: &mut Tape) {
        for (i, sum) in self.0.iter_mut().enumerate().filter(|(_, sum)| !sum.is_empty()) {
            let new = weights.leaf(i).and_then(|leaf| leaf.grad_remove(tape));
            if let Some(new) = new.map(|g: Tensor<2>| values(g)) {
                sum.par_iter_mut().zip(new).for_each(|(sum, g)| *sum += g);
            }
        }
    }

    /// Euclidean norm over all of them; the same at any thread count.
    #[must_use]
    pub fn norm(&self) -> f64 {
        let squares =
            |g: &Vec<f32>| g.chunks(1 << 14).map(|c| c.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>()).sum::<f64>();
        let parts: Vec<f64> = self.0.par_iter().map(squares).collect();
        parts.iter().sum::<f64>().sqrt()
    }

    /// Multiplies all of them.
    pub(super) fn scale(&mut self, by: f64) {
        let by = by as f32;
        self.0.par_iter_mut().flatten().for_each(|g| *g *= by);
    }

    /// Changes each value by the other's at its place.
    pub(super) fn join(&mut self, other: &Self, change: impl Fn(&mut f32, f32) + Sync) {
        for (values, others) in self.0.iter_mut().zip(&other.0) {
            values.par_iter_mut().zip(others).for_each(|(a, &b)| change(a, b));
        }
    }
}
