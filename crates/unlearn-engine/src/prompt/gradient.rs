//! The gradient of the loss by what stands at free places.

use burn::tensor::Tensor;

use super::{Slotted, THERE_AND_BACK};
use crate::LanguageModel;
use crate::likelihood::label_log_probs;
use crate::tensor::{TensorData, indices, matrix, scalar, values};

/// The loss, and how it changes with the one-hot input of every token at every place, to first order.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenGradient {
    /// Mean over rows of the mean negative log-likelihood of their supervised tokens, in nats.
    pub loss: f64,
    /// `[slots, vocabulary]`, of the loss.
    pub gradient: Vec<f32>,
    /// What it cost.
    pub forward_tokens: usize,
}

/// The loss, and how it changes with the vectors at the free places.
#[derive(Debug, Clone, PartialEq)]
pub struct SoftGradient {
    /// As [`TokenGradient::loss`].
    pub loss: f64,
    /// `[slots, width]`, of the loss.
    pub gradient: Vec<f32>,
    /// What it cost.
    pub forward_tokens: usize,
}

/// The gradient at tokens `ids`, the same in all rows: that of the vectors, times the embedding table.
///
/// # Panics
/// When the rows do not have as many places as there are tokens.
#[must_use]
pub fn gradient(model: &LanguageModel, rows: &[Slotted], ids: &[u32]) -> TokenGradient {
    let parts = rows.iter().map(|row| one(model, row, ids, None)).collect();
    let SoftGradient { loss, gradient, forward_tokens } = mean(parts);
    let (n, device) = (ids.len(), model.parameters.device());
    let by_vector = matrix(gradient, n, model.decoder.config().hidden_size, device);
    let gradient = values(model.decoder.against_vectors(&model.parameters.frozen(), by_vector));
    TokenGradient { loss, gradient, forward_tokens }
}

/// The gradient at `vectors` `[slots, width]`, the same in all rows; see [`super::vectors`].
///
/// # Panics
/// When the rows do not have as many places as there are vectors.
#[must_use]
pub fn soft_gradient(model: &LanguageModel, rows: &[Slotted], vectors: &[f32]) -> SoftGradient {
    let parts = rows.iter().map(|row| {
        let ids = row.blank();
        assert_eq!(vectors.len(), ids.len() * model.decoder.config().hidden_size, "one vector for each free place");
        one(model, row, &ids, Some(vectors))
    });
    mean(parts.collect())
}

/// Forward tokens that a gradient of these rows takes.
#[must_use]
pub fn gradient_cost(rows: &[Slotted]) -> usize {
    rows.iter().map(|row| THERE_AND_BACK * row.width()).sum()
}

/// One row's loss and gradient.
fn one(model: &LanguageModel, slotted: &Slotted, ids: &[u32], free: Option<&[f32]>) -> SoftGradient {
    let (decoder, weights, device) = (&model.decoder, model.parameters.frozen(), model.parameters.device());
    let (pass, tokens) = slotted.rest(model, &slotted.with(ids));
    let (width, n) = (decoder.config().hidden_size, tokens.dims()[1]);
    let filled = slotted.filled(model, &weights, tokens, free);
    let leaf: Tensor<3> = Tensor::from_data(TensorData::new(filled, [1, n, width]), device).autodiff().require_grad();
    let mut cache = slotted.beginning.0.clone();
    let states = decoder.extend_vectors(&weights, leaf.clone(), &pass, &mut cache);
    let (labels, places) = slotted.predictions();
    let states = states.reshape([n, width]).select(0, indices(places, device));
    let logits = decoder.head(&weights).logits(states);
    let loss = label_log_probs(logits, indices(labels, device)).mean().neg();
    let value = scalar(loss.clone().detach());
    let mut tape = loss.backward();
    let by_vector = leaf.grad_remove(&mut tape).map_or_else(|| vec![0.0; n * width], values);
    let at = |slot: &usize| (slot - slotted.begun_tokens()) * width;
    let gradient = slotted.slots().iter().flat_map(|s| by_vector[at(s)..at(s) + width].iter().copied()).collect();
    SoftGradient { loss: value, gradient, forward_tokens: THERE_AND_BACK * n }
}

/// The rows' mean, in their order.
fn mean(parts: Vec<SoftGradient>) -> SoftGradient {
    let n = parts.len().max(1) as f64;
    let mut all = SoftGradient { loss: 0.0, gradient: Vec::new(), forward_tokens: 0 };
    let mut sum: Vec<f64> = vec![0.0; parts.first().map_or(0, |p| p.gradient.len())];
    for part in parts {
        all.loss += part.loss / n;
        all.forward_tokens += part.forward_tokens;
        sum.iter_mut().zip(&part.gradient).for_each(|(s, g)| *s += f64::from(*g) / n);
    }
    all.gradient = sum.into_iter().map(|g| g as f32).collect();
    all
}
