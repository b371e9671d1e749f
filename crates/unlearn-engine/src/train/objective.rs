//! What an objective is, and what it sees of a micro-batch.

use std::cell::{Cell, OnceCell};

use burn::tensor::Tensor;

use super::Reference;
use crate::batch::TokenBatch;
use crate::decoder::Cut;
use crate::likelihood::label_log_probs;
use crate::tensor::{log_softmax, vector};
use crate::{Decoder, Weights};

/// Which rows a micro-batch holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// Rows of the forget set (of `train`: of the data).
    Forget,
    /// Rows of the retain set.
    Retain,
}

/// What an objective wants to know before the first step.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Needs {
    /// The reference's log-probability of each forget row's answer.
    pub forget_log_probs: bool,
    /// The reference's distribution at each supervised position of the retain rows.
    pub retain_distributions: bool,
    /// Whether it makes no sense without retain rows.
    pub retain: bool,
}

/// What the whole optimiser step holds of a side, whatever the micro-batches: a mean over the step is a sum over
/// micro-batches, divided by these.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Supervised tokens.
    pub tokens: usize,
    /// Rows.
    pub sequences: usize,
}

/// One additive term of the loss.
pub struct Term {
    /// Its name in the progress display and in `events.jsonl`.
    pub name: &'static str,
    /// This micro-batch's share of its value over the step: a tensor with one element.
    pub value: Tensor<1>,
    /// Its weight in the loss.
    pub weight: f64,
}

/// A loss that is trained. Its terms must add up over the micro-batches of a step.
pub trait Objective: Send + Sync {
    /// What it wants to know before the first step.
    fn needs(&self) -> Needs;

    /// The term of a forget micro-batch.
    fn forget(&self, micro: &Micro<'_>) -> Term;

    /// The term of a retain micro-batch; `None` when it has no use for retain rows.
    fn retain(&self, micro: &Micro<'_>) -> Option<Term>;
}

/// A micro-batch as an objective sees it. What is computed once is shared by all who ask.
pub struct Micro<'a> {
    /// The policy's decoder.
    pub decoder: &'a Decoder,
    /// The policy's weights, tracked.
    pub weights: &'a Weights,
    /// The rows.
    pub batch: &'a TokenBatch,
    /// Their places in their set.
    pub rows: &'a [usize],
    /// What the step holds of this side.
    pub totals: Totals,
    /// What was asked of the reference.
    pub reference: &'a Reference,
    hidden: OnceCell<Tensor<3>>,
    logits: OnceCell<Tensor<2>>,
    cut: Cell<Option<Cut>>,
}

impl<'a> Micro<'a> {
    /// A micro-batch.
    #[must_use]
    pub fn new(
        decoder: &'a Decoder,
        weights: &'a Weights,
        batch: &'a TokenBatch,
        rows: &'a [usize],
        totals: Totals,
        reference: &'a Reference,
    ) -> Self {
        let (hidden, logits) = (OnceCell::new(), OnceCell::new());
        let cut = Cell::new(None);
        Self { decoder, weights, batch, rows, totals, reference, hidden, logits, cut }
    }

    /// The same, with hidden states that were computed already.
    #[must_use]
    pub fn with_hidden(self, hidden: Tensor<3>) -> Self {
        Self { hidden: OnceCell::from(hidden), ..self }
    }

    /// The policy's hidden states after the final norm, `[rows, tokens, width]`.
    #[must_use]
    pub fn hidden(&self) -> Tensor<3> {
        let compute = || self.decoder.hidden(self.weights, self.batch.tokens.clone(), &self.batch.shape);
        self.hidden.get_or_init(compute).clone()
    }

    /// The policy's scores at the supervised positions, `[n, vocabulary]`.
    #[must_use]
    pub fn logits(&self) -> Tensor<2> {
        let compute = || {
            let (logits, cut) = self.decoder.head(self.weights).logits_cut(self.batch.predicting(self.hidden()));
            self.cut.set(cut);
            logits
        };
        self.logits.get_or_init(compute).clone()
    }

    /// Where the graph of a loss over this micro-batch was cut; a backward pass must go on from there.
    #[must_use]
    pub fn into_cut(self) -> Option<Cut> {
        self.cut.into_inner()
    }

    /// The policy's log-probability of each supervised token, `[n]`.
    #[must_use]
    pub fn token_log_probs(&self) -> Tensor<1> {
        label_log_probs(self.logits(), self.batch.labels.clone())
    }

    /// The policy's log-probability of each row's answer, `[rows]`: a sum over its supervised tokens.
    #[must_use]
    pub fn sequence_log_probs(&self) -> Tensor<1> {
        let tokens = self.token_log_probs();
        let [n] = tokens.dims();
        let rows = self.rows.len();
        self.batch.membership(&self.batch.tokens.device()).matmul(tokens.reshape([n, 1])).reshape([rows])
    }

    /// The policy's log-distribution at the supervised positions, `[n, vocabulary]`.
    #[must_use]
    pub fn log_distributions(&self) -> Tensor<2> {
        log_softmax(self.logits(), 1)
    }

    /// The reference's log-probability of each row's answer, `[rows]`. Needs `forget_log_probs`.
    #[must_use]
    pub fn reference_sequence_log_probs(&self) -> Tensor<1> {
        vector(self.reference.forget_log_probs(self.rows), &self.batch.tokens.device())
    }

    /// The reference's log-distribution at the supervised positions, `[n, vocabulary]`. Needs
    /// `retain_distributions`.
    #[must_use]
    pub fn reference_log_distributions(&self) -> Tensor<2> {
        log_softmax(self.reference.retain_logits(self.rows, &self.batch.tokens.device()), 1)
    }
}
