//! How far a model has come to differ from the reference where it should not.

use unlearn_data::TokenRow;

use crate::batch::{TokenBatch, Which, plan};
use crate::likelihood::predicting_states;
use crate::tensor::{log_softmax, values};
use crate::train::{Reference, Set};
use crate::{EngineError, LanguageModel};

/// Scores over the vocabulary that exist at once, in values; a few copies of them do.
const LOGITS_AT_ONCE: usize = 4 << 20;

/// `KL(reference || model)` in nats: the mean over the supervised tokens of `rows`, of which `reference` was asked for
/// the distributions as [`Set::Retain`]. `budget` bounds the tokens in one pass.
///
/// # Errors
/// When the reference's answers cannot be read.
pub fn disruption(
    model: &LanguageModel,
    reference: &Reference,
    rows: &[TokenRow],
    budget: usize,
) -> Result<f64, EngineError> {
    let (weights, device) = (model.parameters.frozen(), model.parameters.device());
    let lengths: Vec<usize> = rows.iter().map(|r| r.ids.len()).collect();
    let chunk = (LOGITS_AT_ONCE / model.decoder.config().vocab_size).max(1);
    let (mut sum, mut tokens) = (0.0, 0);
    for group in plan(&lengths, budget) {
        let members: Vec<&TokenRow> = group.iter().map(|&i| &rows[i]).collect();
        let batch = TokenBatch::new(&members, Which::Supervised, device);
        let states = predicting_states(&model.decoder, &weights, &batch);
        let answers = reference.of_rows(Set::Retain, &group, device)?;
        let n = states.dims()[0];
        for start in (0..n).step_by(chunk) {
            let len = chunk.min(n - start);
            let ours = log_softmax(model.decoder.logits(&weights, states.clone().narrow(0, start, len)), 1);
            let theirs = log_softmax(answers.logits_at(start, len), 1);
            let each = (theirs.clone().exp() * (theirs - ours)).sum_dim(1);
            sum += values(each).iter().map(|&x| f64::from(x)).sum::<f64>();
        }
        tokens += n;
    }
    Ok(sum / tokens.max(1) as f64)
}
