//! What is inside a model where it predicts: the stream after every block, and what becomes of an answer when that is
//! replaced by another model's.

mod lens;

use burn::tensor::{Tensor, TensorData};
use unlearn_data::TokenRow;

use crate::LanguageModel;
use crate::batch::{TokenBatch, Which, plan};
use crate::decoder::Head;
use crate::likelihood::in_parts;
use crate::tensor::{matrix, values};

pub use lens::{Reading, read_out};

/// A model's states where it predicts some rows' supervised tokens, and its output layer.
#[derive(Debug, Clone)]
pub struct Inside {
    /// After each block, before the final norm: `[tokens, width]`, row after row.
    pub layers: Vec<Vec<f32>>,
    /// After the final norm: `[tokens, width]`.
    pub last: Vec<f32>,
    /// Supervised tokens of each row.
    pub tokens: Vec<usize>,
    /// Numbers in a state.
    pub width: usize,
    head: Head,
    vocabulary: usize,
}

/// Scores over the vocabulary that exist at once, in values.
const LOGITS_AT_ONCE: usize = 4 << 20;

impl Inside {
    /// Looks into a model. `budget` bounds the tokens in one pass.
    #[must_use]
    pub fn of(model: &LanguageModel, rows: &[TokenRow], budget: usize) -> Self {
        let (decoder, weights) = (&model.decoder, model.parameters.frozen());
        let (blocks, width) = (decoder.config().layers.len(), decoder.config().hidden_size);
        // By row, then put in the order of the rows.
        let mut found: Vec<Vec<Vec<f32>>> = vec![Vec::new(); rows.len()];
        let lengths: Vec<usize> = rows.iter().map(|r| r.ids.len()).collect();
        for group in plan(&lengths, budget) {
            let members: Vec<&TokenRow> = group.iter().map(|&i| &rows[i]).collect();
            let batch = TokenBatch::new(&members, Which::Supervised, model.parameters.device());
            let pass = decoder.pass(&batch.tokens, &batch.shape);
            let mut x = decoder.embed(&weights, batch.tokens.clone(), &pass);
            let mut states: Vec<Vec<f32>> = Vec::with_capacity(blocks + 1);
            for layer in 0..blocks {
                x = decoder.block(&weights, layer, x, &pass);
                states.push(values(batch.predicting(x.clone())));
            }
            states.push(values(batch.predicting(decoder.finish(&weights, x))));
            let mut at = 0;
            for (&row, &n) in group.iter().zip(&batch.supervised) {
                let part = at * width..(at + n) * width;
                found[row] = states.iter().map(|s| s[part.clone()].to_vec()).collect();
                at += n;
            }
        }
        let together = |layer: usize| found.iter().flat_map(|row| row[layer].iter().copied()).collect::<Vec<f32>>();
        Self {
            layers: (0..blocks).map(together).collect(),
            last: together(blocks),
            tokens: rows.iter().map(TokenRow::supervised).collect(),
            width,
            head: decoder.head(&weights),
            vocabulary: decoder.config().vocab_size,
        }
    }

    /// Numbers that looking into rows takes.
    #[must_use]
    pub fn size(model: &LanguageModel, rows: &[TokenRow]) -> usize {
        let config = model.decoder.config();
        rows.iter().map(TokenRow::supervised).sum::<usize>() * config.hidden_size * (config.layers.len() + 1)
    }

    /// The scores over the vocabulary of two models side by side at each token, of which little is in memory at once.
    pub fn each_pair(&self, other: &Self, tell: &mut dyn FnMut(&[f32], &[f32])) {
        let all: usize = self.tokens.iter().sum();
        let part = (LOGITS_AT_ONCE / self.vocabulary).max(1);
        for start in (0..all).step_by(part) {
            let n = part.min(all - start);
            let (ours, theirs) = (self.scores(start, n), other.scores(start, n));
            let rows = ours.chunks(self.vocabulary).zip(theirs.chunks(other.vocabulary));
            rows.for_each(|(a, b)| tell(a, b));
        }
    }

    fn scores(&self, start: usize, n: usize) -> Vec<f32> {
        let part = self.last[start * self.width..(start + n) * self.width].to_vec();
        values(self.head.logits(matrix(part, n, self.width, &self.head.device())))
    }
}

/// Log-probabilities of the rows' supervised tokens, row after row, with the stream after block `layer` replaced, where
/// the model predicts them, by `states` `[tokens, width]`. `budget` bounds the tokens in one pass.
#[must_use]
pub fn patched(model: &LanguageModel, rows: &[TokenRow], layer: usize, states: &[f32], budget: usize) -> Vec<Vec<f32>> {
    let (decoder, weights) = (&model.decoder, model.parameters.frozen());
    let (blocks, width) = (decoder.config().layers.len(), decoder.config().hidden_size);
    let device = model.parameters.device();
    let begins: Vec<usize> = rows
        .iter()
        .scan(0, |at, row| {
            let begin = *at;
            *at += row.supervised();
            Some(begin)
        })
        .collect();
    let mut found = vec![Vec::new(); rows.len()];
    let lengths: Vec<usize> = rows.iter().map(|r| r.ids.len()).collect();
    for group in plan(&lengths, budget) {
        let members: Vec<&TokenRow> = group.iter().map(|&i| &rows[i]).collect();
        let batch = TokenBatch::new(&members, Which::Supervised, device);
        let pass = decoder.pass(&batch.tokens, &batch.shape);
        let mut x = decoder.embed(&weights, batch.tokens.clone(), &pass);
        for block in 0..=layer {
            x = decoder.block(&weights, block, x, &pass);
        }
        let shape = x.dims();
        let mut stream = values(x);
        let places = batch.positions.clone().into_data();
        let mut from = group.iter().zip(&batch.supervised).flat_map(|(&row, &n)| begins[row]..begins[row] + n);
        for place in places.iter::<i64>() {
            let Some(token) = from.next() else { break };
            let to = place as usize * width;
            stream[to..to + width].copy_from_slice(&states[token * width..(token + 1) * width]);
        }
        let mut x: Tensor<3> = Tensor::from_data(TensorData::new(stream, shape), device);
        for block in layer + 1..blocks {
            x = decoder.block(&weights, block, x, &pass);
        }
        let states = batch.predicting(decoder.finish(&weights, x));
        let log_probs = in_parts(decoder, &weights, states, batch.labels.clone());
        let mut at = 0;
        for (&row, &n) in group.iter().zip(&batch.supervised) {
            found[row] = log_probs[at..at + n].to_vec();
            at += n;
        }
    }
    found
}
