//! Gradients on the host, added up over the micro-batches of a step in a fixed order.

use burn::tensor::{Gradients as Tape, Tensor};
use rayon::prelude::*;

use crate::{Parameters, Weights};

/// Values that one task works on.
const CHUNK: usize = 1 << 14;

const NO_FLOATS: &str = "a float tensor holds f32";

/// Sums that are kept side by side.
const LANES: usize = 8;

/// The gradient of each trained parameter, by its place; empty for the others, and until [`Self::settle`] for those to
/// which nothing was added.
#[derive(Debug, Clone)]
pub struct Gradients(
    pub Vec<Vec<f32>>,
    /// Values of each one that is trained, 0 for the others.
    Vec<usize>,
);

impl Gradients {
    /// Nothing yet: the first gradient of a parameter is taken as it is, so that no memory is there before it.
    #[must_use]
    pub fn new(parameters: &Parameters) -> Self {
        let mut lengths = vec![0; parameters.specs().len()];
        for i in parameters.trained() {
            lengths[i] = parameters.specs()[i].len();
        }
        Self(vec![Vec::new(); lengths.len()], lengths)
    }

    /// Zeros in their form.
    pub(super) fn zeros(parameters: &Parameters) -> Vec<Vec<f32>> {
        let mut zeros = Self::new(parameters);
        zeros.settle();
        zeros.0
    }

    /// Makes zeros of what nothing was added to.
    pub fn settle(&mut self) {
        (0..self.0.len()).for_each(|i| self.fill(i));
    }

    fn fill(&mut self, i: usize) {
        if self.0[i].is_empty() {
            self.0[i] = vec![0.0; self.1[i]];
        }
    }

    /// Adds what a backward pass left.
    ///
    /// # Panics
    /// When the device cannot be read, which no CPU does.
    pub fn add(&mut self, weights: &Weights, tape: &mut Tape) {
        let trained = self.0.iter_mut().zip(&self.1).enumerate().filter(|(_, (_, length))| **length > 0);
        let new: Vec<_> =
            trained.filter_map(|(i, (sum, _))| Some((sum, weights.leaf(i)?.grad_remove(tape)?))).collect();
        new.into_par_iter().for_each(|(sum, new): (_, Tensor<2>)| {
            let new = new.into_data();
            if sum.is_empty() {
                *sum = new.try_into_vec().unwrap_or_else(|e| panic!("{NO_FLOATS}: {e:?}"));
                return;
            }
            let new = new.as_slice::<f32>().unwrap_or_else(|e| panic!("{NO_FLOATS}: {e:?}"));
            let parts = sum.par_chunks_mut(CHUNK).zip(new.par_chunks(CHUNK));
            parts.for_each(|(sum, new)| sum.iter_mut().zip(new).for_each(|(sum, g)| *sum += g));
        });
    }

    /// Adds to rows of a table, `[width]` each, in their order; nothing where it is not trained.
    pub(super) fn add_rows(&mut self, i: usize, rows: &[usize], new: &[f32]) {
        if self.1[i] == 0 || rows.is_empty() {
            return;
        }
        self.fill(i);
        let width = new.len() / rows.len();
        for (&row, new) in rows.iter().zip(new.chunks_exact(width)) {
            self.0[i][row * width..][..width].iter_mut().zip(new).for_each(|(sum, g)| *sum += g);
        }
    }

    /// Euclidean norm over all of them; the same at any thread count.
    #[must_use]
    pub fn norm(&self) -> f64 {
        let parts: Vec<f64> = self.0.par_iter().flat_map(|g| g.par_chunks(CHUNK)).map(squares).collect();
        parts.iter().sum::<f64>().sqrt()
    }

    /// Multiplies all of them.
    pub(super) fn scale(&mut self, by: f64) {
        let by = by as f32;
        self.0.par_iter_mut().flatten().for_each(|g| *g *= by);
    }

    /// Changes each value by the other's at its place; both are settled.
    pub(super) fn join(&mut self, other: &Self, change: impl Fn(&mut f32, f32) + Sync) {
        for (values, others) in self.0.iter_mut().zip(&other.0) {
            values.par_iter_mut().zip(others).for_each(|(a, &b)| change(a, b));
        }
    }
}

/// Their sum, without waiting for the last one at each.
fn squares(values: &[f32]) -> f64 {
    let mut lanes = [0.0; LANES];
    for values in values.chunks(LANES) {
        lanes.iter_mut().zip(values).for_each(|(sum, &x)| *sum += f64::from(x).powi(2));
    }
    lanes.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_norm_is_that_of_all_values() {
        for n in [0, 1, 7, 8, CHUNK - 1, 3 * CHUNK + 5] {
            let values: Vec<f32> = (0..n).map(|i| ((i * 37 % 101) as f32 - 50.0) / 7.0).collect();
            let right = values.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>().sqrt();
            let (a, b) = values.split_at(n / 3);
            let norm = Gradients(vec![a.to_vec(), Vec::new(), b.to_vec()], vec![0; 3]).norm();
            assert!((norm - right).abs() <= 1e-12 * right, "{norm} and {right}");
        }
    }
}
