//! AdamW with decoupled weight decay (Loshchilov and Hutter, 2019), as PyTorch computes it.

use rayon::prelude::*;
use unlearn_core::recipe::TrainSection;

use super::Gradients;
use crate::Parameters;

/// Values that one task updates.
const CHUNK: usize = 1 << 14;

/// The optimiser and its moments.
#[derive(Debug, Clone)]
pub struct AdamW {
    beta1: f64,
    beta2: f64,
    eps: f64,
    weight_decay: f64,
    /// Steps taken.
    pub steps: usize,
    /// First moments of each trained parameter, by its place; empty for the others.
    pub first: Vec<Vec<f32>>,
    /// Second moments.
    pub second: Vec<Vec<f32>>,
}

impl AdamW {
    /// An optimiser at rest.
    #[must_use]
    pub fn new(train: &TrainSection, parameters: &Parameters) -> Self {
        let zeros = || Gradients::new(parameters).0;
        Self {
            beta1: train.beta1,
            beta2: train.beta2,
            eps: train.eps,
            weight_decay: train.weight_decay,
            steps: 0,
            first: zeros(),
            second: zeros(),
        }
    }

    /// Takes one step along `gradients`, each times `scale`.
    pub fn step(&mut self, parameters: &mut Parameters, gradients: &[Vec<f32>], scale: f64, learning_rate: f64) {
        self.steps += 1;
        let t = self.steps as i32;
        let step_size = (learning_rate / (1.0 - self.beta1.powi(t))) as f32;
        let root_correction = (1.0 - self.beta2.powi(t)).sqrt() as f32;
        let keep = (1.0 - learning_rate * self.weight_decay) as f32;
        let (b1, b2, eps, scale) = (self.beta1 as f32, self.beta2 as f32, self.eps as f32, scale as f32);
        let (c1, c2) = ((1.0 - self.beta1) as f32, (1.0 - self.beta2) as f32);
        for (i, gradient) in gradients.iter().enumerate().filter(|(_, g)| !g.is_empty()) {
            let (first, second) = (&mut self.first[i], &mut self.second[i]);
            parameters.update(i, |values| {
                let parts = values.par_chunks_mut(CHUNK).zip(gradient.par_chunks(CHUNK));
                let parts = parts.zip(first.par_chunks_mut(CHUNK)).zip(second.par_chunks_mut(CHUNK));
                parts.for_each(|(((p, g), m), v)| {
                    for (((p, &g), m), v) in p.iter_mut().zip(g).zip(m).zip(v) {
                        let g = g * scale;
                        *m = b1 * *m + c1 * g;
                        *v = b2 * *v + c2 * g * g;
                        *p = *p * keep - step_size * *m / (v.sqrt() / root_correction + eps);
                    }
                });
            });
        }
    }
}
