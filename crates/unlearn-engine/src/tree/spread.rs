//! What a model makes of given tokens, out of its states.

use burn::tensor::Tensor;
use rayon::prelude::*;

use super::Seen;
use crate::likelihood::LOGITS_AT_ONCE;
use crate::tensor::{indices, values};
use crate::{Decoder, Weights};

/// What is seen at the given states of the given labels. Where several rows ask the same, it is computed once.
pub(crate) fn read(decoder: &Decoder, weights: &Weights, states: Tensor<2>, asked: &[(usize, i64)]) -> Vec<Seen> {
    let mut places: Vec<usize> = asked.iter().map(|a| a.0).collect();
    places.sort_unstable();
    places.dedup();
    let mut order: Vec<usize> = (0..asked.len()).collect();
    order.sort_unstable_by_key(|&i| asked[i].0);
    let vocabulary = decoder.config().vocab_size;
    let part = (LOGITS_AT_ONCE / vocabulary).max(1);
    let device = states.device();
    let nothing = Seen { log_prob: 0.0, greedy: false, expected: 0.0, deviation: 0.0 };
    let mut seen = vec![nothing; asked.len()];
    let mut next = 0;
    for chunk in places.chunks(part) {
        let at = indices(chunk.iter().map(|&p| p as i64).collect(), &device);
        let logits = values(decoder.logits(weights, states.clone().select(0, at)));
        let rows: Vec<Spread> = logits.par_chunks(vocabulary).map(Spread::of).collect();
        for (k, &place) in chunk.iter().enumerate() {
            while let Some(&i) = order.get(next).filter(|&&i| asked[i].0 == place) {
                seen[i] = rows[k].at(&logits[k * vocabulary..(k + 1) * vocabulary], asked[i].1 as usize);
                next += 1;
            }
        }
    }
    seen
}

/// One distribution over the vocabulary.
struct Spread {
    best: usize,
    log_norm: f64,
    expected: f64,
    deviation: f64,
}

impl Spread {
    fn of(logits: &[f32]) -> Self {
        let (mut best, mut top) = (0, f32::NEG_INFINITY);
        for (i, &x) in logits.iter().enumerate() {
            if x > top {
                (best, top) = (i, x);
            }
        }
        let (mut sum, mut first, mut second) = (0.0f64, 0.0f64, 0.0f64);
        for &x in logits {
            let below = x - top;
            let weight = f64::from(below.exp());
            let below = f64::from(below);
            // An impossible token adds nothing, and not 0 * infinity.
            if weight > 0.0 || weight.is_nan() {
                sum += weight;
                first += weight * below;
                second += weight * below * below;
            }
        }
        let mean = first / sum;
        let variance = (second / sum - mean * mean).max(0.0);
        Self { best, log_norm: f64::from(top) + sum.ln(), expected: mean - sum.ln(), deviation: variance.sqrt() }
    }

    fn at(&self, logits: &[f32], label: usize) -> Seen {
        Seen {
            log_prob: (f64::from(logits[label]) - self.log_norm) as f32,
            greedy: self.best == label,
            expected: self.expected as f32,
            deviation: self.deviation as f32,
        }
    }
}
