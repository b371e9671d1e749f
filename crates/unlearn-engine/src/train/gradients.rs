//! Gradients on the host, added up over the micro-batches of a step in a fixed order.

use burn::tensor::{Gradients as Tape, Tensor};
use rayon::prelude::*;

use crate::{Parameters, Weights};

/// Values that one task works on.
const CHUNK: usize = 1 << 14;

/// Sums that are kept side by side.
const LANES: usize = 8;

/// The gradient of each trained parameter, by its place; empty for the others.
#[derive(Debug, Clone)]
pub struct Gradients(
    pub Vec<Vec<f32>>,
    /// Whether anything was added to a parameter's zeros: the first gradient takes their place.
    Vec<bool>,
);

impl Gradients {
    /// Zeros.
    #[must_use]
    pub fn new(parameters: &Parameters) -> Self {
        let mut all = vec![Vec::new(); parameters.specs().len()];
        for i in parameters.trained() {
            all[i] = vec![0.0; parameters.specs()[i].len()];
        }
        let untouched = vec![false; all.len()];
        Self(all, untouched)
    }

    /// Adds what a backward pass left.
    ///
    /// # Panics
    /// When the device cannot be read, which no CPU does.
    pub fn add(&mut self, weights: &Weights, tape: &mut Tape) {
        let Self(sums, touched) = self;
        let trained = sums.iter_mut().zip(touched).enumerate().filter(|(_, (sum, _))| !sum.is_empty());
        let new: Vec<_> = trained.filter_map(|(i, sum)| Some((sum, weights.leaf(i)?.grad_remove(tape)?))).collect();
        new.into_par_iter().for_each(|((sum, touched), new): (_, Tensor<2>)| {
            let new = new.into_data();
            let new = new.as_slice::<f32>().unwrap_or_else(|e| panic!("a float tensor holds f32: {e:?}"));
            let parts = sum.par_chunks_mut(CHUNK).zip(new.par_chunks(CHUNK));
            if std::mem::replace(touched, true) {
                parts.for_each(|(sum, new)| sum.iter_mut().zip(new).for_each(|(sum, g)| *sum += g));
            } else {
                // Untouched zeros are no memory yet, which adding to them would have to make first.
                parts.for_each(|(sum, new)| sum.copy_from_slice(new));
            }
        });
    }

    /// Adds to rows of a table, `[width]` each, in their order; nothing where it is not trained.
    pub(super) fn add_rows(&mut self, i: usize, rows: &[usize], new: &[f32]) {
        let Self(sums, touched) = self;
        if sums[i].is_empty() || rows.is_empty() {
            return;
        }
        touched[i] = true;
        let width = new.len() / rows.len();
        for (&row, new) in rows.iter().zip(new.chunks_exact(width)) {
            sums[i][row * width..][..width].iter_mut().zip(new).for_each(|(sum, g)| *sum += g);
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

    /// Changes each value by the other's at its place.
    pub(super) fn join(&mut self, other: &Self, change: impl Fn(&mut f32, f32) + Sync) {
        self.1.fill(true);
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
            let norm = Gradients(vec![a.to_vec(), Vec::new(), b.to_vec()], vec![true; 3]).norm();
            assert!((norm - right).abs() <= 1e-12 * right, "{norm} and {right}");
        }
    }
}
