//! What a model would say if a state inside it were its last.

use burn::tensor::Tensor;
use rayon::prelude::*;

use super::LOGITS_AT_ONCE;
use crate::LanguageModel;
use crate::tensor::{matrix, values};

/// What is read of one token from one state.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Reading {
    /// Its log-probability.
    pub log_prob: f64,
    /// Tokens that are likelier.
    pub rank: usize,
}

/// Reads tokens from states of the stream `[n, width]` through the final norm and the head. `asked` are places of states
/// and tokens, in any order; a state is read once for all that is asked of it.
#[must_use]
pub fn read_out(model: &LanguageModel, states: &[f32], asked: &[(usize, u32)]) -> Vec<Reading> {
    let (decoder, weights) = (&model.decoder, model.parameters.frozen());
    let (width, vocabulary) = (decoder.config().hidden_size, decoder.config().vocab_size);
    let head = decoder.head(&weights);
    let mut order: Vec<usize> = (0..asked.len()).collect();
    order.sort_by_key(|&i| asked[i].0);
    let mut places: Vec<usize> = asked.iter().map(|a| a.0).collect();
    places.sort_unstable();
    places.dedup();
    let mut readings = vec![Reading::default(); asked.len()];
    let mut next = 0;
    for chunk in places.chunks((LOGITS_AT_ONCE / vocabulary).max(1)) {
        let part: Vec<f32> = chunk.iter().flat_map(|p| &states[p * width..(p + 1) * width]).copied().collect();
        let stream: Tensor<3> = matrix(part, chunk.len(), width, model.parameters.device()).unsqueeze();
        let last = decoder.finish(&weights, stream).reshape([chunk.len(), width]);
        let scores = values(head.logits(last));
        let norms: Vec<f64> = scores.par_chunks(vocabulary).map(log_norm).collect();
        for (k, place) in chunk.iter().enumerate() {
            let scores = &scores[k * vocabulary..(k + 1) * vocabulary];
            while let Some(&i) = order.get(next).filter(|&&i| asked[i].0 == *place) {
                let own = scores[asked[i].1 as usize];
                let rank = scores.iter().filter(|score| **score > own).count();
                readings[i] = Reading { log_prob: f64::from(own) - norms[k], rank };
                next += 1;
            }
        }
    }
    readings
}

fn log_norm(scores: &[f32]) -> f64 {
    let top = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    f64::from(top) + scores.iter().map(|x| f64::from(x - top).exp()).sum::<f64>().ln()
}
