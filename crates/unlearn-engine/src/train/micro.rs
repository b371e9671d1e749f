//! A micro-batch as an objective sees it.

use std::collections::BTreeMap;
use std::ops::{Deref, Range};

use burn::tensor::{Device, Int, Tensor};

use unlearn_data::TokenRow;

use super::reference::Answers;
use super::scores::{Room, Scores};
use super::{Forward, Gradients, Inner, Quantity, Reads, Route, Set, StepView, Totals};
use crate::batch::TokenBatch;
use crate::tensor::{log_softmax, matrix, vector};
use crate::{Decoder, LanguageModel, Weights};

/// What a micro-batch's one pass through the policy left. What is computed once is shared by all who ask.
pub(super) struct Passage<'a> {
    decoder: &'a Decoder,
    weights: &'a Weights,
    members: &'a [&'a TokenRow],
    batch: &'a TokenBatch,
    /// Where scores are read.
    scores: Option<Scores>,
    inner: BTreeMap<Inner, Tensor<3>>,
}

impl<'a> Passage<'a> {
    /// Of weights with a graph, and the same without.
    pub(super) fn new(
        (decoder, [weights, plain]): (&'a Decoder, [&'a Weights; 2]),
        (members, batch): (&'a [&'a TokenRow], &'a TokenBatch),
        hidden: Option<Tensor<3>>,
        inner: BTreeMap<Inner, Tensor<3>>,
        room: Room,
    ) -> Self {
        let scores = hidden.map(|hidden| {
            let of = (batch.predicting(hidden), batch.labels.clone());
            Scores::new((decoder, [weights, plain]), of, room)
        });
        Self { decoder, weights, members, batch, scores, inner }
    }

    fn scores(&self) -> &Scores {
        self.scores.as_ref().unwrap_or_else(|| panic!("an objective reads scores that it did not ask for"))
    }

    /// As [`Scores::below`].
    pub(super) fn below(self, loss: Tensor<1>, gradients: &mut Gradients) -> Option<Tensor<1>> {
        let Self { weights, scores, .. } = self;
        match scores {
            Some(scores) => scores.below(loss, weights, gradients),
            None => Some(loss),
        }
    }
}

/// Some rows of a micro-batch that belong to one set.
pub struct View<'a> {
    passage: &'a Passage<'a>,
    answers: Answers,
    places: Vec<usize>,
    rows: Range<usize>,
    predictions: Range<usize>,
    totals: Totals,
}

impl<'a> View<'a> {
    fn new(passage: &'a Passage<'a>, rows: Range<usize>, part: Part, totals: Totals) -> Self {
        let count = |r: Range<usize>| passage.batch.supervised[r].iter().sum::<usize>();
        let predictions = count(0..rows.start)..count(0..rows.end);
        Self { passage, answers: part.answers, places: part.places, rows, predictions, totals }
    }

    /// What the step holds of its set.
    #[must_use]
    pub fn totals(&self) -> &Totals {
        &self.totals
    }

    /// Supervised tokens of each row.
    #[must_use]
    pub fn answers(&self) -> &[usize] {
        &self.passage.batch.supervised[self.rows.clone()]
    }

    /// The supervised tokens, `[n]`.
    #[must_use]
    pub fn labels(&self) -> Tensor<1, Int> {
        self.passage.batch.labels.clone().slice([self.predictions.clone()])
    }

    /// The policy's scores at the supervised positions, `[n, vocabulary]`.
    #[must_use]
    pub fn logits(&self) -> Tensor<2> {
        self.own(self.passage.scores().whole())
    }

    /// The policy's log-probability of each supervised token, `[n]`.
    #[must_use]
    pub fn token_log_probs(&self) -> Tensor<1> {
        self.own(self.passage.scores().of_labels())
    }

    /// Of something at all predictions, these rows' part.
    fn own<const D: usize>(&self, all: Tensor<D>) -> Tensor<D> {
        let whole = self.predictions.len() == all.dims()[0];
        if whole { all } else { all.narrow(0, self.predictions.start, self.predictions.len()) }
    }

    /// The policy's log-distribution at the supervised positions, `[n, vocabulary]`.
    #[must_use]
    pub fn log_distributions(&self) -> Tensor<2> {
        log_softmax(self.logits(), 1)
    }

    /// A state inside the decoder at the supervised tokens themselves, `[n, width]`.
    #[must_use]
    pub fn inner(&self, inner: Inner) -> Tensor<2> {
        let Some(all) = self.passage.inner.get(&inner) else {
            panic!("an objective reads {inner:?}, which it did not ask for")
        };
        let all = self.passage.batch.predicted(all.clone());
        all.narrow(0, self.predictions.start, self.predictions.len())
    }

    /// Scores over the vocabulary that a block's output gives where tokens are predicted, read by the final norm and the
    /// output matrix, `[n, vocabulary]` (the logit lens).
    #[must_use]
    pub fn lens(&self, inner: Inner) -> Tensor<2> {
        let Some(all) = self.passage.inner.get(&inner) else {
            panic!("an objective reads {inner:?} through the output, which it did not ask for")
        };
        let all = self.passage.batch.predicting(self.passage.decoder.finish(self.passage.weights, all.clone()));
        self.passage.scores().head().logits(all.narrow(0, self.predictions.start, self.predictions.len()))
    }

    /// The rows.
    fn members(&self) -> &[&'a TokenRow] {
        &self.passage.members[self.rows.clone()]
    }

    /// A constant of each supervised token, `[n]`: a function of its row in this view and its place in the answer.
    #[must_use]
    pub fn per_token(&self, value: impl Fn(usize, usize) -> f32) -> Tensor<1> {
        let value = &value;
        let all = self.answers().iter().enumerate().flat_map(|(row, &n)| (0..n).map(move |t| value(row, t)));
        vector(all.collect(), &self.passage.batch.tokens.device())
    }

    /// The rows' places in their set.
    #[must_use]
    pub fn places(&self) -> &[usize] {
        &self.places
    }

    /// Where micro-batches live.
    #[must_use]
    pub fn device(&self) -> Device {
        self.passage.batch.tokens.device()
    }

    /// Sums of `[n]` over each row, `[rows]`.
    #[must_use]
    pub fn sums(&self, tokens: Tensor<1>) -> Tensor<1> {
        let [n] = tokens.dims();
        self.membership(|_| 1.0, &tokens.device()).matmul(tokens.reshape([n, 1])).reshape([self.rows.len()])
    }

    /// Means of `[n]` over each row, `[rows]`.
    #[must_use]
    pub fn means(&self, tokens: Tensor<1>) -> Tensor<1> {
        let [n] = tokens.dims();
        let share = |answer: usize| 1.0 / answer.max(1) as f32;
        self.membership(share, &tokens.device()).matmul(tokens.reshape([n, 1])).reshape([self.rows.len()])
    }

    /// A constant `[rows, n]`: `value(answer)` where a prediction belongs to a row.
    fn membership(&self, value: impl Fn(usize) -> f32, device: &Device) -> Tensor<2> {
        let answers = self.answers();
        let (rows, n) = (answers.len(), answers.iter().sum());
        let mut values = vec![0.0; rows * n];
        let mut at = 0;
        for (r, &count) in answers.iter().enumerate() {
            values[r * n + at..r * n + at + count].fill(value(count));
            at += count;
        }
        matrix(values, rows, n, device)
    }

    /// The policy's log-probability of each row's answer, `[rows]`: a sum over its supervised tokens.
    #[must_use]
    pub fn sequence_log_probs(&self) -> Tensor<1> {
        self.sums(self.token_log_probs())
    }

    /// The negative log-likelihood: mean over the step's supervised tokens of the set.
    #[must_use]
    pub fn nll(&self) -> Tensor<1> {
        self.token_log_probs().sum().neg().div_scalar(self.totals.tokens())
    }

    /// The reference's log-probability of each supervised token, `[n]`.
    #[must_use]
    pub fn reference_token_log_probs(&self) -> Tensor<1> {
        self.answers.column()
    }

    /// The reference's log-probability of each row's answer, `[rows]`.
    #[must_use]
    pub fn reference_sequence_log_probs(&self) -> Tensor<1> {
        self.answers.sums(self.answers())
    }

    /// The reference's scores at the supervised positions, `[n, vocabulary]`.
    #[must_use]
    pub fn reference_logits(&self) -> Tensor<2> {
        self.answers.logits(Quantity::Distributions)
    }

    /// The same where the rows stand after one of the contexts that the objective gave.
    #[must_use]
    pub fn reference_logits_within(&self, context: usize) -> Tensor<2> {
        self.answers.logits(Quantity::Within(context))
    }

    /// The reference's log-distribution at the supervised positions, `[n, vocabulary]`.
    #[must_use]
    pub fn reference_log_distributions(&self) -> Tensor<2> {
        log_softmax(self.reference_logits(), 1)
    }

    /// The reference's state inside the decoder at the supervised tokens themselves, `[n, width]`.
    #[must_use]
    pub fn reference_inner(&self, inner: Inner) -> Tensor<2> {
        self.answers.states(Quantity::Inner(inner))
    }
}

/// A micro-batch: rows of a set, and other answers to their questions.
pub struct Micro<'a> {
    own: View<'a>,
    alternates: View<'a>,
    /// Where the run stands.
    pub step: &'a StepView,
}

/// What of a micro-batch belongs to one set: which rows, how many of them go through the policy, and what the reference
/// says of them.
pub(super) struct Part {
    pub(super) set: Set,
    pub(super) places: Vec<usize>,
    pub(super) passing: bool,
    pub(super) answers: Answers,
}

impl<'a> Micro<'a> {
    /// Those rows of a passage that begin with row `start`.
    pub(super) fn new(
        passage: &'a Passage<'a>,
        [own, alternates]: [Part; 2],
        (start, step): (usize, &'a StepView),
    ) -> Self {
        let count = |part: &Part| if part.passing { part.places.len() } else { 0 };
        let first = start + count(&own);
        let end = first + count(&alternates);
        let view = |part: Part, rows| {
            let totals = step.totals(part.set);
            View::new(passage, rows, part, totals)
        };
        Self { own: view(own, start..first), alternates: view(alternates, first..end), step }
    }

    /// The row of the passage after its last.
    pub(super) fn end(&self) -> usize {
        self.alternates.rows.end
    }

    /// Of each supervised token, here and in the other answers, whether both differ at its place in the row.
    #[must_use]
    pub fn differing(&self) -> [Vec<bool>; 2] {
        let (mut here, mut there) = (Vec::new(), Vec::new());
        for (own, other) in self.members().iter().zip(self.alternates.members()) {
            let differ = |a: &TokenRow, b: &TokenRow, all: &mut Vec<bool>| {
                let supervised = (1..a.ids.len()).filter(|&t| a.labels[t] >= 0);
                all.extend(supervised.map(|t| b.ids.get(t) != Some(&a.ids[t])));
            };
            differ(own, other, &mut here);
            differ(other, own, &mut there);
        }
        [here, there]
    }

    /// The other answers, in the order of the rows.
    #[must_use]
    pub fn alternates(&self) -> &View<'a> {
        &self.alternates
    }
}

impl<'a> Deref for Micro<'a> {
    type Target = View<'a>;
    fn deref(&self) -> &View<'a> {
        &self.own
    }
}

/// Runs a loss over some rows of one set as far as `reads` goes, with a graph through whatever the weights track.
pub(crate) fn seen_by<T>(
    (model, weights): (&LanguageModel, &Weights),
    (members, batch): (&[&TokenRow], &TokenBatch),
    reads: &Reads,
    (answers, places, step): (Answers, &[usize], &StepView),
    loss: impl FnOnce(&View<'_>) -> T,
) -> T {
    let route = Route { first: 0, embedding: false, checkpointing: false };
    let forward = Forward::run(&model.decoder, [weights, weights], batch, (route, reads), None);
    let through = (&model.decoder, [weights, weights]);
    let passage = Passage::new(through, (members, batch), forward.hidden(), forward.inner(), Room::ALL);
    let part = Part { set: Set::Forget, places: places.to_vec(), passing: true, answers };
    let view = View::new(&passage, 0..members.len(), part, step.totals(Set::Forget));
    loss(&view)
}
