//! Rows in which some places are free: what to put there, so that the rest becomes likely.
//!
//! A place is filled with a token of the vocabulary ([`gradient`], [`losses`]) or with any vector that stands where a row
//! of the embedding table would ([`soft_gradient`], [`soft_scores`]; generation behind such vectors is
//! [`crate::generate::generate_behind`]). What stands before the first free place goes through the decoder once.
//!
//! A row's loss is the mean negative log-likelihood of its supervised tokens, in nats; that of several rows, the mean of
//! theirs. Costs are forward tokens: tokens that went through the decoder, those of a pass with its way back three times.

mod candidates;
mod gradient;
mod slotted;
mod soft;

use burn::tensor::{Int, Tensor, TensorData};

pub use candidates::{Losses, cost, losses};
pub use gradient::{SoftGradient, TokenGradient, gradient, gradient_cost, soft_gradient};
pub use slotted::Slotted;
pub use soft::{soft_scores, soft_scores_cost};

use crate::LanguageModel;
use crate::tensor::values;

/// Forward tokens of a token that goes through the decoder and back: the way back takes twice as long.
const THERE_AND_BACK: usize = 3;

/// The rows of the embedding table that stand for some tokens: `[tokens, width]`, before any scale.
#[must_use]
pub fn vectors(model: &LanguageModel, ids: &[u32]) -> Vec<f32> {
    let ids: Vec<i64> = ids.iter().map(|&id| i64::from(id)).collect();
    let shape = [1, ids.len()];
    let tokens: Tensor<2, Int> = Tensor::from_data(TensorData::new(ids, shape), model.parameters.device());
    values(model.decoder.vectors(&model.parameters.frozen(), tokens))
}
