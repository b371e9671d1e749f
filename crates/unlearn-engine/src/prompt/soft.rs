//! Likelihoods behind free vectors.

use burn::tensor::Tensor;

use super::Slotted;
use crate::LanguageModel;
use crate::likelihood::in_parts;
use crate::tensor::{TensorData, indices};

/// Log-probabilities of the row's supervised tokens with `vectors` `[slots, width]` at its free places.
///
/// # Panics
/// When there are not as many vectors as free places.
#[must_use]
pub fn soft_scores(model: &LanguageModel, row: &Slotted, vectors: &[f32]) -> Vec<f32> {
    let (decoder, weights, device) = (&model.decoder, model.parameters.frozen(), model.parameters.device());
    let width = decoder.config().hidden_size;
    assert_eq!(vectors.len(), row.slots().len() * width, "one vector for each free place");
    let (pass, tokens) = row.rest(model, &row.with(&row.blank()));
    let n = tokens.dims()[1];
    let filled = row.filled(model, &weights, tokens, Some(vectors));
    let input: Tensor<3> = Tensor::from_data(TensorData::new(filled, [1, n, width]), device);
    let states = decoder.extend_vectors(&weights, input, &pass, &mut row.beginning.0.clone());
    let (labels, places) = row.predictions();
    let states = states.reshape([n, width]).select(0, indices(places, device));
    in_parts(decoder, &weights, states, indices(labels, device))
}

/// Forward tokens that [`soft_scores`] takes.
#[must_use]
pub fn soft_scores_cost(row: &Slotted) -> usize {
    row.width()
}
