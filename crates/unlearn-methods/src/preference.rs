//! The loss that preference optimisation shares.

use unlearn_engine::tensor::{Tensor, softplus};
use unlearn_engine::train::{Alternative, Micro, Needs, Quantity, Reads, Set};

/// `−(2/β) log σ(β · margin)` of each row: positive, falling, and without overflow.
pub(crate) fn preference(margin: Tensor<1>, beta: f64) -> Tensor<1> {
    softplus(margin.mul_scalar(-beta), 1.0).mul_scalar(2.0 / beta)
}

/// What a comparison of the forget answer with another one needs.
pub(crate) fn needs(alternative: Alternative) -> Needs {
    Needs {
        forget: Reads::scores(),
        reference: vec![(Set::Forget, Quantity::TokenLogProbs), (Set::ForgetAlternates, Quantity::TokenLogProbs)],
        forget_alternates: Some(alternative),
        ..Needs::default()
    }
}

/// Direct preference optimisation (Rafailov et al., 2023, equation 7, times 2/β) of the other answers over the forget
/// answers: mean over the step's rows.
pub(crate) fn dpo(micro: &Micro<'_>, beta: f64) -> Tensor<1> {
    let other = micro.alternates();
    let lost = micro.sequence_log_probs() - micro.reference_sequence_log_probs();
    let won = other.sequence_log_probs() - other.reference_sequence_log_probs();
    preference(won - lost, beta).sum().div_scalar(micro.totals().rows())
}
