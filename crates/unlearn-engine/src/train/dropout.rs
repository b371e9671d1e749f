//! Dropout at adapters.

use burn::tensor::{Device, Tensor};
use rand::RngExt;
use unlearn_core::seed;

use super::Set;
use crate::Parameters;
use crate::decoder::Drop;
use crate::tensor::matrix;

/// The masks of one micro-batch. Each row's is drawn from a stream of its own, so that they depend neither on the
/// micro-batches nor on how often a pass is computed.
#[derive(Debug)]
pub(super) struct Dropout {
    rate: f64,
    seed: u64,
    step: usize,
    rows: Vec<(Set, usize)>,
    /// Names of all parameters, by place.
    names: Vec<String>,
    device: Device,
}

impl Dropout {
    pub(super) fn new(rate: f64, seed: u64, (step, rows): (usize, &[(Set, usize)]), parameters: &Parameters) -> Self {
        let names = parameters.specs().iter().map(|s| s.name.clone()).collect();
        Self { rate, seed, step, rows: rows.to_vec(), names, device: parameters.device().clone() }
    }
}

impl Drop for Dropout {
    fn mask(&self, i: usize, [n, width]: [usize; 2]) -> Tensor<2> {
        let per_row = n / self.rows.len().max(1) * width;
        let kept = (1.0 / (1.0 - self.rate)) as f32;
        // A draw below the threshold is dropped.
        let threshold = (self.rate * f64::from(u32::MAX)) as u32;
        let mut values = Vec::with_capacity(n * width);
        for (set, row) in &self.rows {
            let name = format!("dropout/{}/{set:?}/{row}/{}", self.step, self.names[i]);
            let mut rng = seed::stream(self.seed, &name);
            values.extend((0..per_row).map(|_| if rng.random::<u32>() < threshold { 0.0 } else { kept }));
        }
        matrix(values, n, width, &self.device)
    }
}
