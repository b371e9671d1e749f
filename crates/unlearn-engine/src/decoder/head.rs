//! The output layer.

use burn::tensor::{Device, Tensor};

use super::parameters::Matrix;

/// What turns final hidden states into scores over the vocabulary.
#[derive(Debug, Clone)]
pub struct Head {
    /// `[width, vocabulary]`
    pub(super) matrix: Matrix,
    /// Whether it is for answers that are being written.
    pub(super) writing: bool,
    /// `[1, vocabulary]`
    pub(super) bias: Option<Tensor<2>>,
    /// See [`super::DecoderConfig::logit_cap`].
    pub(super) cap: Option<f64>,
}

impl Head {
    /// Scores `[n, vocabulary]` of final hidden states `[n, width]`.
    #[must_use]
    pub fn logits(&self, hidden: Tensor<2>) -> Tensor<2> {
        let scores = self.matrix.clone().of(hidden, self.writing);
        let scores = match &self.bias {
            Some(bias) => scores + bias.clone(),
            None => scores,
        };
        match self.cap {
            Some(cap) => scores.div_scalar(cap).tanh().mul_scalar(cap),
            None => scores,
        }
    }

    /// Where it lies.
    #[must_use]
    pub fn device(&self) -> Device {
        self.matrix.device()
    }
}
