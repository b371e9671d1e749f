//! What a model makes of given tokens, out of its states.

use burn::tensor::Tensor;
use rayon::prelude::*;

use super::Seen;
use crate::fused::Spread;
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
                seen[i] = seen_of(&rows[k], &logits[k * vocabulary..(k + 1) * vocabulary], asked[i].1 as usize);
                next += 1;
            }
        }
    }
    seen
}

/// What is seen of a label under some scores.
fn seen_of(spread: &Spread, scores: &[f32], label: usize) -> Seen {
    Seen {
        log_prob: (f64::from(scores[label]) - spread.log_norm) as f32,
        greedy: spread.best == label,
        expected: spread.mean as f32,
        deviation: spread.deviation as f32,
    }
}
