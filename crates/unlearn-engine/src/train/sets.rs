//! The rows of a run, and other answers to their questions.

use unlearn_data::TokenRow;
use unlearn_data::folds::Counts;

use super::{Set, Side};

/// Other answers to the questions of a set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Alternates {
    rows: Vec<TokenRow>,
    /// Where each question's answers begin in `rows`; one entry more than questions.
    begin: Vec<usize>,
    /// Answers that go into a step with one visit of a question.
    per_visit: usize,
}

impl Alternates {
    /// The answers to each question, of which `per_visit` in turn go with each of its visits.
    #[must_use]
    pub fn new(answers: Vec<Vec<TokenRow>>, per_visit: usize) -> Self {
        let mut begin = vec![0];
        let mut rows = Vec::new();
        for answers in answers {
            rows.extend(answers);
            begin.push(rows.len());
        }
        Self { rows, begin, per_visit: per_visit.max(1) }
    }

    /// All of them.
    #[must_use]
    pub fn rows(&self) -> &[TokenRow] {
        &self.rows
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Answers that go with one visit of a question; 0 where there are none.
    #[must_use]
    pub fn per_visit(&self) -> usize {
        if self.is_empty() { 0 } else { self.per_visit }
    }

    /// The places of the answers that go with visit number `visit` of a question.
    #[must_use]
    pub fn at(&self, question: usize, visit: usize) -> Vec<usize> {
        let (Some(&first), Some(&end)) = (self.begin.get(question), self.begin.get(question + 1)) else {
            return Vec::new();
        };
        let n = end - first;
        if n == 0 {
            return Vec::new();
        }
        (0..self.per_visit).map(|k| first + (visit * self.per_visit + k) % n).collect()
    }
}

/// The rows of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sets {
    /// What must go (of `train`: the data).
    pub forget: Vec<TokenRow>,
    /// What must keep working.
    pub retain: Vec<TokenRow>,
    /// Other answers to the forget questions.
    pub forget_alternates: Alternates,
    /// Other answers to the retain questions.
    pub retain_alternates: Alternates,
    /// Rows at the end of `retain` that are forget rows, held out until their fold's turn comes.
    pub(super) held_out: usize,
}

impl Sets {
    /// Rows without other answers.
    #[must_use]
    pub fn new(forget: Vec<TokenRow>, retain: Vec<TokenRow>) -> Self {
        Self { forget, retain, ..Self::default() }
    }

    /// Adds the forget rows to the retain rows, for runs in folds: each is retained until its fold's turn comes. Other
    /// answers to retain questions, where an objective wants them, are then needed for these too.
    #[must_use]
    pub fn holding_out(mut self) -> Self {
        self.held_out = self.forget.len();
        self.retain.extend(self.forget.iter().cloned());
        self
    }

    /// The retain rows without the forget rows that are held out.
    #[must_use]
    pub fn only_retain(&self) -> &[TokenRow] {
        &self.retain[..self.retain.len().saturating_sub(self.held_out)]
    }

    pub(super) fn counts(&self) -> Counts {
        let (forget, retain) = (self.forget.len(), self.only_retain().len());
        Counts { forget, retain, held_out: self.held_out > 0 }
    }

    /// The rows of a set.
    #[must_use]
    pub fn rows(&self, set: Set) -> &[TokenRow] {
        match set {
            Set::Forget => &self.forget,
            Set::Retain => &self.retain,
            Set::ForgetAlternates => self.forget_alternates.rows(),
            Set::RetainAlternates => self.retain_alternates.rows(),
        }
    }

    /// Other answers to a side's questions.
    #[must_use]
    pub fn alternates(&self, side: Side) -> &Alternates {
        match side {
            Side::Forget => &self.forget_alternates,
            Side::Retain => &self.retain_alternates,
        }
    }

    /// Every row.
    pub fn all(&self) -> impl Iterator<Item = &TokenRow> {
        let sets = [Set::Forget, Set::Retain, Set::ForgetAlternates, Set::RetainAlternates];
        sets.into_iter().flat_map(|set| self.rows(set))
    }
}
