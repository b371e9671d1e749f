//! The average of the weights that a run passes through.

use rayon::prelude::*;
use unlearn_core::recipe::{Averaging, TrainSection};

use super::optimizer::CHUNK;
use crate::Parameters;

/// A running mean of the trained weights after each step, begun after a share of the steps: `a ← a + w (θ − a)` with
/// `w = 1 − decay`, or `1 / n` for the `n`-th weights of a uniform mean. Weights that do not change are their own average
/// to the bit.
#[derive(Debug, Clone)]
pub(super) struct Average {
    kind: Averaging,
    decay: f64,
    /// The first step, counted from 0, after which weights are taken in.
    first: usize,
    /// Of each trained parameter, by its place; empty for the others.
    pub(super) values: Vec<Vec<f32>>,
}

impl Average {
    /// Of a run of `steps` steps; `None` where its last weights are left.
    pub(super) fn new(train: &TrainSection, steps: usize, parameters: &Parameters) -> Option<Self> {
        let (kind, decay) = (train.average.kind, train.average.decay);
        let first = (train.average.begin * steps as f64) as usize;
        let averaged = kind != Averaging::None && steps > 0;
        averaged.then(|| Self { kind, decay, first, values: super::Gradients::zeros(parameters) })
    }

    /// Takes in the weights after a step, counted from 0.
    pub(super) fn take(&mut self, step: usize, parameters: &Parameters) {
        let Some(before) = step.checked_sub(self.first) else { return };
        let weight = match self.kind {
            _ if before == 0 => 1.0,
            Averaging::Ema => 1.0 - self.decay,
            _ => 1.0 / (before + 1) as f64,
        } as f32;
        for (i, average) in self.values.iter_mut().enumerate().filter(|(_, a)| !a.is_empty()) {
            let now = parameters.values(i);
            if before == 0 {
                *average = now;
                continue;
            }
            let parts = average.par_chunks_mut(CHUNK).zip(now.par_chunks(CHUNK));
            parts.for_each(|(a, p)| a.iter_mut().zip(p).for_each(|(a, p)| *a += weight * (p - *a)));
        }
    }

    /// Puts the average in the weights' place.
    pub(super) fn place(&self, parameters: &mut Parameters) {
        for (i, average) in self.values.iter().enumerate().filter(|(_, a)| !a.is_empty()) {
            parameters.update(i, |values| values.copy_from_slice(average));
        }
    }
}
