//! What is asked of the reference, computed once before the first step and kept outside of memory.

mod ask;
mod store;

use std::collections::BTreeMap;

use burn::tensor::{Device, Tensor};

pub use ask::{Cache, Question};

use super::{Quantity, Set};
use crate::EngineError;
use crate::decoder::Head;
use crate::tensor::{matrix, vector};
use store::Store;

/// The reference's answers, by row. A distribution over the vocabulary is kept as the hidden state that it is computed
/// from (`width` numbers instead of `vocabulary`) beside the reference's output layer: exact, and small.
#[derive(Debug, Clone, Default)]
pub struct Reference {
    stores: BTreeMap<(Set, Quantity), Store>,
    head: Option<Head>,
    width: usize,
}

impl Reference {
    /// Bytes that its answers to `question` take.
    #[must_use]
    pub fn bytes(question: &Question<'_>, width: usize) -> u64 {
        let of = |(set, quantity): &(Set, Quantity)| question.lengths(*set, *quantity, width).iter().sum::<usize>();
        4 * question.needs.iter().map(of).sum::<usize>() as u64
    }

    /// What it says of some rows of a set.
    pub(crate) fn of_rows(&self, set: Set, rows: &[usize], device: &Device) -> Result<Answers, EngineError> {
        let mut values = BTreeMap::new();
        for ((_, quantity), store) in self.stores.iter().filter(|((s, _), _)| *s == set) {
            values.insert(*quantity, store.rows(rows)?);
        }
        Ok(Answers { values, head: self.head.clone(), width: self.width, device: device.clone() })
    }
}

/// What the reference says of the rows of a micro-batch.
pub(crate) struct Answers {
    values: BTreeMap<Quantity, Vec<f32>>,
    head: Option<Head>,
    width: usize,
    device: Device,
}

impl Answers {
    fn values(&self, quantity: Quantity) -> &Vec<f32> {
        self.values
            .get(&quantity)
            .unwrap_or_else(|| panic!("an objective reads {quantity:?}, which it did not ask for"))
    }

    pub(super) fn column(&self) -> Tensor<1> {
        vector(self.values(Quantity::TokenLogProbs).clone(), &self.device)
    }

    /// Sums in double precision: a long answer's sum must not depend on how it was added up.
    pub(super) fn sums(&self, answers: &[usize]) -> Tensor<1> {
        let mut rest = self.values(Quantity::TokenLogProbs).as_slice();
        let mut sum = |&n: &usize| {
            let (row, after) = rest.split_at(n);
            rest = after;
            row.iter().map(|&x| f64::from(x)).sum::<f64>() as f32
        };
        vector(answers.iter().map(&mut sum).collect(), &self.device)
    }

    pub(super) fn states(&self, quantity: Quantity) -> Tensor<2> {
        let values = self.values(quantity).clone();
        let n = values.len() / self.width.max(1);
        matrix(values, n, self.width, &self.device)
    }

    pub(super) fn logits(&self, quantity: Quantity) -> Tensor<2> {
        self.logits_of(self.states(quantity))
    }

    /// [`Self::logits`] of the distributions of `n` tokens from `start` on.
    pub(super) fn logits_at(&self, start: usize, n: usize) -> Tensor<2> {
        self.logits_of(self.states(Quantity::Distributions).narrow(0, start, n))
    }

    /// The reference's scores of its own final states.
    fn logits_of(&self, states: Tensor<2>) -> Tensor<2> {
        match &self.head {
            Some(head) => head.logits(states),
            None => panic!("an objective reads the reference's distributions, which it did not ask for"),
        }
    }
}
