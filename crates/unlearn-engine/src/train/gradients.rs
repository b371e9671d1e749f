//! Gradients on the host, added up over the micro-batches of a step in a fixed order.

use burn::tensor::{Gradients as Tape, Tensor};
use rayon::prelude::*;

use crate::tensor::values;
use crate::{Parameters, Weights};

/// The gradient of each parameter.
#[derive(Debug, Default)]
pub(super) struct Gradients(pub(super) Vec<Vec<f32>>);

impl Gradients {
    /// Adds what a backward pass left.
    pub(super) fn add(&mut self, weights: &Weights, tape: &mut Tape) {
        let first = self.0.is_empty();
        for (i, tensor) in weights.tensors().iter().enumerate() {
            let new = tensor.grad_remove(tape).map(|g: Tensor<2>| values(g));
            if first {
                self.0.push(new.unwrap_or_else(|| vec![0.0; tensor.shape().num_elements()]));
            } else if let Some(new) = new {
                self.0[i].par_iter_mut().zip(new).for_each(|(sum, g)| *sum += g);
            }
        }
    }

    /// Zeros, where no backward pass came.
    pub(super) fn or_zeros(mut self, parameters: &Parameters) -> Self {
        if self.0.is_empty() {
            self.0 = parameters.specs().iter().map(|s| vec![0.0; s.len()]).collect();
        }
        self
    }

    /// Euclidean norm over all of them; the same at any thread count.
    pub(super) fn norm(&self) -> f64 {
        let squares =
            |g: &Vec<f32>| g.chunks(1 << 14).map(|c| c.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>()).sum::<f64>();
        let parts: Vec<f64> = self.0.par_iter().map(squares).collect();
        parts.iter().sum::<f64>().sqrt()
    }
}
