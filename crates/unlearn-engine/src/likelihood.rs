//! Log-probabilities of given tokens.

use burn::tensor::{Int, Tensor};
use unlearn_data::TokenRow;

use crate::batch::{Together, TokenBatch, Which, plan};
use crate::tensor::values;
use crate::train::Gradients;
use crate::{Decoder, EngineError, LanguageModel, Weights};

pub use crate::fused::label_log_probs;

/// Scores over the vocabulary that exist at once while scoring, in values.
pub(crate) const LOGITS_AT_ONCE: usize = 16 << 20;

/// Hidden states at the batch's predictions: `[predictions, width]`.
#[must_use]
pub fn predicting_states(decoder: &Decoder, weights: &Weights, batch: &TokenBatch) -> Tensor<2> {
    batch.predicting(decoder.hidden(weights, batch.tokens.clone(), &batch.shape))
}

/// Log-probability of each row's tokens, given those before them. What neighbouring rows begin with alike is looked at
/// once. `budget` bounds the tokens in one pass; `done` is told how many rows are finished.
#[must_use]
pub fn score_rows(
    model: &LanguageModel,
    rows: &[TokenRow],
    which: Which,
    budget: usize,
    mut done: impl FnMut(usize),
) -> Vec<Vec<f32>> {
    let weights = model.parameters.frozen();
    let device = model.parameters.device();
    let lengths: Vec<usize> = rows.iter().map(|r| r.ids.len()).collect();
    let together = Together::through(model.decoder.config());
    let mut scores = vec![Vec::new(); rows.len()];
    let mut finished = 0;
    for group in together.cut(&lengths, budget) {
        let members: Vec<&TokenRow> = group.iter().map(|&i| &rows[i]).collect();
        let (batch, places) = together.put(&members, which, false, device).distinct();
        let states = predicting_states(&model.decoder, &weights, &batch);
        let log_probs = in_parts(&model.decoder, &weights, states, batch.labels.clone());
        let mut places = places.into_iter();
        for (&i, &n) in group.iter().zip(&batch.supervised) {
            scores[i] = places.by_ref().take(n).map(|place| log_probs[place]).collect();
        }
        finished += group.len();
        done(finished);
    }
    scores
}

/// Log-probabilities with only part of the `[n, vocabulary]` scores in memory at a time.
pub(crate) fn in_parts(decoder: &Decoder, weights: &Weights, states: Tensor<2>, labels: Tensor<1, Int>) -> Vec<f32> {
    let n = states.dims()[0];
    let chunk = (LOGITS_AT_ONCE / decoder.config().vocab_size).max(1);
    let mut all = Vec::with_capacity(n);
    for start in (0..n).step_by(chunk) {
        let len = chunk.min(n - start);
        let logits = decoder.logits(weights, states.clone().narrow(0, start, len));
        all.extend(values(label_log_probs(logits, labels.clone().narrow(0, start, len))));
    }
    all
}

/// What is told of one supervised token: its row, its number in the row's answer, and each model's scores over the
/// vocabulary.
pub type TellLogits<'a, const N: usize> = dyn FnMut(usize, usize, [&[f32]; N]) -> Result<(), EngineError> + 'a;

/// The scores of several models side by side at each of the rows' tokens, of which little is in memory at once.
///
/// # Errors
/// What `tell` says.
pub fn each_logits<const N: usize>(
    models: [&LanguageModel; N],
    rows: &[TokenRow],
    which: Which,
    budget: usize,
    tell: &mut TellLogits<'_, N>,
) -> Result<(), EngineError> {
    let vocabulary = models[0].decoder.config().vocab_size;
    let lengths: Vec<usize> = rows.iter().map(|r| r.ids.len()).collect();
    let part = (LOGITS_AT_ONCE / vocabulary).max(1);
    for group in plan(&lengths, budget) {
        let members: Vec<&TokenRow> = group.iter().map(|&i| &rows[i]).collect();
        let batch = TokenBatch::new(&members, which, models[0].parameters.device());
        let weights = models.map(|m| m.parameters.frozen());
        let states: [Tensor<2>; N] =
            std::array::from_fn(|m| predicting_states(&models[m].decoder, &weights[m], &batch));
        let of: Vec<(usize, usize)> =
            group.iter().zip(&batch.supervised).flat_map(|(&row, &n)| (0..n).map(move |nth| (row, nth))).collect();
        for start in (0..of.len()).step_by(part) {
            let n = part.min(of.len() - start);
            let scores: [Vec<f32>; N] = std::array::from_fn(|m| {
                values(models[m].decoder.logits(&weights[m], states[m].clone().narrow(0, start, n)))
            });
            for (k, &(row, nth)) in of[start..start + n].iter().enumerate() {
                let at = k * vocabulary..(k + 1) * vocabulary;
                tell(row, nth, std::array::from_fn(|m| &scores[m][at.clone()]))?;
            }
        }
    }
    Ok(())
}

/// Euclidean norms of the gradient of a row's mean negative log-likelihood, one for each trained parameter tensor.
#[must_use]
pub fn gradient_norms(model: &LanguageModel, row: &TokenRow) -> Vec<f64> {
    let weights = model.parameters.tracked();
    let batch = TokenBatch::new(&[row], Which::Supervised, model.parameters.device());
    let logits = model.decoder.logits(&weights, predicting_states(&model.decoder, &weights, &batch));
    let mut tape = label_log_probs(logits, batch.labels.clone()).mean().neg().backward();
    let mut gradients = Gradients::new(&model.parameters);
    gradients.add(&weights, &mut tape);
    gradients.settle();
    let norm = |g: &Vec<f32>| g.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>().sqrt();
    gradients.0.iter().filter(|g| !g.is_empty()).map(norm).collect()
}
