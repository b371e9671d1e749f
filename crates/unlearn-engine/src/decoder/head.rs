//! The output layer.

use burn::tensor::Tensor;

/// What turns final hidden states into scores over the vocabulary.
#[derive(Debug, Clone)]
pub struct Head {
    /// `[width, vocabulary]`
    pub(super) matrix: Tensor<2>,
    /// `[1, vocabulary]`
    pub(super) bias: Option<Tensor<2>>,
    /// See [`super::DecoderConfig::logit_cap`].
    pub(super) cap: Option<f64>,
}

impl Head {
    /// Scores `[n, vocabulary]` of final hidden states `[n, width]`.
    #[must_use]
    pub fn logits(&self, hidden: Tensor<2>) -> Tensor<2> {
        let scores = hidden.matmul(self.matrix.clone());
        let scores = match &self.bias {
            Some(bias) => scores + bias.clone(),
            None => scores,
        };
        match self.cap {
            Some(cap) => scores.div_scalar(cap).tanh().mul_scalar(cap),
            None => scores,
        }
    }
}
