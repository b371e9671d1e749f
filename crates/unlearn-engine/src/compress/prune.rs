//! Setting the least important weights to 0.

use std::collections::BTreeMap;
use std::sync::Arc;

use rayon::prelude::*;
use unlearn_data::TokenRow;

use super::{by_output, from_output};
use crate::LanguageModel;
use crate::batch::{TokenBatch, Which};
use crate::decoder::Trace;
use crate::tensor::values;

/// What makes a weight important.
#[derive(Debug, Clone)]
pub enum Importance {
    /// Its magnitude, in the whole matrix.
    Magnitude,
    /// Its magnitude times the norm of the input that it is applied to, among the weights of its output (Sun et al.,
    /// 2024, equation 1): of each parameter, the norm of every input.
    Inputs(BTreeMap<usize, Vec<f32>>),
}

impl Importance {
    /// By the norms of the inputs over the tokens of some rows, of which one at a time goes through the model.
    #[must_use]
    pub fn of_inputs(model: &LanguageModel, rows: &[TokenRow]) -> Self {
        let places: Vec<usize> = crate::adapter::linear_layers(&model.decoder);
        let mut sums: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
        for row in rows {
            let trace = Arc::new(Trace::of(places.iter().copied()));
            let weights = model.parameters.frozen().with_trace(Arc::clone(&trace));
            let batch = TokenBatch::new(&[row], Which::All, model.parameters.device());
            let _ = model.decoder.hidden(&weights, batch.tokens.clone(), &batch.shape);
            for (place, (input, _)) in trace.take() {
                let width = input.dims()[1];
                let sum = sums.entry(place).or_insert_with(|| vec![0.0; width]);
                for token in values(input).chunks(width) {
                    sum.iter_mut().zip(token).for_each(|(sum, x)| *sum += f64::from(*x).powi(2));
                }
            }
        }
        let norms = sums.into_iter().map(|(place, sum)| (place, sum.into_iter().map(|s| s.sqrt() as f32).collect()));
        Self::Inputs(norms.collect())
    }
}

/// A model in whose matrices inside the blocks a share of the weights, the least important, is 0.
#[must_use]
pub fn pruned(model: &LanguageModel, importance: &Importance, share: f64) -> LanguageModel {
    let mut pruned = model.clone();
    for i in 0..model.parameters.specs().len() {
        let spec = model.parameters.specs()[i].clone();
        if !spec.is_linear() {
            continue;
        }
        let width = spec.shape[0];
        let mut weights = by_output(&spec, model.parameters.values(i));
        match importance {
            Importance::Magnitude => zero_least(&mut weights, share, |_, w| w.abs()),
            Importance::Inputs(norms) => {
                let Some(norms) = norms.get(&i) else { continue };
                weights.par_chunks_mut(width).for_each(|row| zero_least(row, share, |j, w| w.abs() * norms[j]));
            }
        }
        let weights = from_output(&spec, weights);
        pruned.parameters.update(i, |old| old.copy_from_slice(&weights));
    }
    pruned
}

/// Sets the share of values that count least to 0; of equal ones, the first.
fn zero_least(values: &mut [f32], share: f64, counts: impl Fn(usize, f32) -> f32) {
    let n = ((share * values.len() as f64).round() as usize).min(values.len());
    if n == 0 {
        return;
    }
    let scores: Vec<f32> = values.iter().enumerate().map(|(j, &w)| counts(j, w)).collect();
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.select_nth_unstable_by(n - 1, |&a, &b| scores[a].total_cmp(&scores[b]).then(a.cmp(&b)));
    order[..n].iter().for_each(|&j| values[j] = 0.0);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_left_counts_at_least_as_much(
            values in prop::collection::vec(-3.0f32..3.0, 1..60), share in 0.0f64..1.0,
        ) {
            let mut left = values.clone();
            zero_least(&mut left, share, |_, w| w.abs());
            let gone = (share * values.len() as f64).round() as usize;
            let zeroed = values.iter().zip(&left).filter(|(a, b)| a != b || **a == 0.0).count();
            prop_assert!(zeroed >= gone);
            let largest_gone = values.iter().zip(&left).filter(|(a, b)| a != b).map(|(a, _)| a.abs()).fold(0.0, f32::max);
            let least_left = left.iter().filter(|w| **w != 0.0).map(|w| w.abs()).fold(f32::INFINITY, f32::min);
            prop_assert!(largest_gone <= least_left);
        }
    }

    #[test]
    fn inputs_weigh() {
        let mut row = [1.0, -2.0, 3.0, -4.0];
        let norms = [10.0, 1.0, 1.0, 0.1];
        zero_least(&mut row, 0.5, |j, w: f32| w.abs() * norms[j]);
        assert_eq!(row, [1.0, 0.0, 3.0, 0.0]);
    }
}
