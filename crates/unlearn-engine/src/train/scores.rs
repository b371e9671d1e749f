//! What the policy says where a micro-batch predicts: scores over the vocabulary, and log-probabilities of labels. Where
//! the scores of all predictions would take too much memory, those that only labels are read of exist in parts: once
//! on the way there, and once more on the way back.

use std::cell::OnceCell;

use burn::tensor::{Int, Tensor};
use unlearn_core::recipe::Bytes;

use super::Gradients;
use super::forward::{constant, leaf};
use crate::decoder::Head;
use crate::likelihood::label_log_probs;
use crate::{Decoder, Weights};

/// How many scores exist at once where labels alone are read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room(usize);

impl Room {
    /// All of them.
    pub(super) const ALL: Self = Self(usize::MAX);

    /// As many as take so much memory.
    pub(super) fn of(memory: Bytes) -> Self {
        Self((memory.0 / 4).try_into().unwrap_or(usize::MAX))
    }

    /// Rows of `vocabulary` scores that are computed at a time, of `n` in all; `None` where that is all of them.
    ///
    /// Parts are at most half as large, since scores and their gradient stand side by side on some devices.
    fn rows(self, n: usize, vocabulary: usize) -> Option<usize> {
        (n.saturating_mul(vocabulary) > self.0).then(|| (self.0 / 2 / vocabulary.max(1)).max(1))
    }
}

/// Scores and log-probabilities, each computed when it is first asked for.
pub(super) struct Scores {
    head: Head,
    /// `[n, width]`, in the graph of the blocks below.
    states: Tensor<2>,
    labels: Tensor<1, Int>,
    apart: Option<Apart>,
    whole: OnceCell<Tensor<2>>,
    of_labels: OnceCell<Tensor<1>>,
}

/// Where the graph is cut between the blocks and the head, so that the head's comes in parts.
struct Apart {
    /// Without a graph.
    plain: Head,
    /// The states as the beginning of a new graph.
    states: Tensor<2>,
    /// Rows of a part.
    rows: usize,
}

impl Scores {
    /// Of states `[n, width]` that have a graph, with the labels `[n]` that are to be predicted there. `tracked` and
    /// `plain` are the same weights, with a graph and without.
    pub(super) fn new(
        (decoder, [tracked, plain]): (&Decoder, [&Weights; 2]),
        (states, labels): (Tensor<2>, Tensor<1, Int>),
        room: Room,
    ) -> Self {
        let rows = room.rows(states.dims()[0], decoder.config().vocab_size);
        let apart = rows.map(|rows| Apart { plain: decoder.head(plain), states: leaf(states.clone()), rows });
        let (whole, of_labels) = (OnceCell::new(), OnceCell::new());
        Self { head: decoder.head(tracked), states, labels, apart, whole, of_labels }
    }

    /// The output layer.
    pub(super) fn head(&self) -> &Head {
        &self.head
    }

    /// All scores, `[n, vocabulary]`.
    pub(super) fn whole(&self) -> Tensor<2> {
        let states = self.apart.as_ref().map_or(&self.states, |apart| &apart.states);
        self.whole.get_or_init(|| self.head.logits(states.clone())).clone()
    }

    /// The log-probability of each label, `[n]`.
    pub(super) fn of_labels(&self) -> Tensor<1> {
        let compute = || match &self.apart {
            Some(apart) if self.whole.get().is_none() => leaf(apart.log_probs(&self.labels)),
            _ => label_log_probs(self.whole(), self.labels.clone()),
        };
        self.of_labels.get_or_init(compute).clone()
    }

    /// Takes a loss back to the blocks: what is to be differentiated there, if anything. The head's share of the gradient
    /// is added where the graph was cut.
    pub(super) fn below(self, loss: Tensor<1>, tracked: &Weights, gradients: &mut Gradients) -> Option<Tensor<1>> {
        let Self { head, states, labels, apart, whole, of_labels } = self;
        // Scores that nobody else has are written over by their gradient.
        drop(whole);
        let Some(apart) = apart else { return Some(loss) };
        let mut tape = loss.backward();
        gradients.add(tracked, &mut tape);
        let mut by_states = apart.states.grad_remove(&mut tape);
        let by_labels = of_labels.into_inner().and_then(|log_probs| log_probs.grad_remove(&mut tape));
        drop(tape);
        if let Some(by_labels) = by_labels {
            let n = states.dims()[0];
            let parts = (0..n).step_by(apart.rows).map(|start| {
                let rows = apart.rows.min(n - start);
                let part = leaf(constant(states.clone()).narrow(0, start, rows));
                let log_probs = label_log_probs(head.logits(part.clone()), labels.clone().narrow(0, start, rows));
                let mut tape = (log_probs * by_labels.clone().narrow(0, start, rows)).sum().backward();
                gradients.add(tracked, &mut tape);
                part.grad_remove(&mut tape).unwrap_or_else(|| constant(part).zeros_like())
            });
            let all = Tensor::cat(parts.collect(), 0);
            by_states = Some(match by_states {
                Some(other) => other + all,
                None => all,
            });
        }
        by_states.filter(|_| states.is_tracked()).map(|by_states| (states * by_states).sum())
    }
}

impl Apart {
    /// The log-probability of each label, `[n]`.
    fn log_probs(&self, labels: &Tensor<1, Int>) -> Tensor<1> {
        let states = constant(self.states.clone());
        let n = states.dims()[0];
        let parts = (0..n).step_by(self.rows).map(|start| {
            let rows = self.rows.min(n - start);
            let scores = self.plain.logits(states.clone().narrow(0, start, rows));
            label_log_probs(scores, labels.clone().narrow(0, start, rows))
        });
        Tensor::cat(parts.collect(), 0)
    }
}
