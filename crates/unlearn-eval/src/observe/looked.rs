//! What was seen of a subject on all its sets, and of others beside it.

use std::collections::BTreeMap;

use crate::Observations;
use crate::observation::Spent;

/// What was seen of a subject, by set.
#[derive(Debug, Clone, Default)]
pub struct Looked {
    /// Each set's name and what was seen on it, in order.
    pub sets: Vec<(String, Observations)>,
}

impl Looked {
    /// What was seen on a set.
    #[must_use]
    pub fn on(&self, set: &str) -> Option<&Observations> {
        self.sets.iter().find(|(name, _)| name == set).map(|(_, seen)| seen)
    }

    /// A value of each row of a set; none where there is no such set.
    pub fn of(&self, set: &str, value: impl Fn(&Observations) -> Vec<Option<f64>>) -> Vec<Option<f64>> {
        self.on(set).map(value).unwrap_or_default()
    }

    /// Rows of a set.
    #[must_use]
    pub fn rows(&self, set: &str) -> usize {
        self.on(set).map_or(0, |seen| seen.rows.len())
    }

    /// Tokens that went through the subject.
    #[must_use]
    pub fn spent(&self) -> Spent {
        self.sets.iter().fold(Spent::default(), |sum, (_, seen)| sum + seen.spent)
    }
}

/// A shadow model: trained as the subject was, on other rows.
#[derive(Debug, Clone, Default)]
pub struct Shadow {
    /// What was seen of it.
    pub seen: Looked,
    /// Of each row of a set, whether it was trained on it; on none of a set that is missing here.
    pub trained_on: BTreeMap<String, Vec<bool>>,
}

/// A subject beside what it is judged by.
#[derive(Debug, Clone, Copy)]
pub struct Beside<'a> {
    /// The subject.
    pub subject: &'a Looked,
    /// The model that never saw the forget set.
    pub retrained: Option<&'a Looked>,
    /// The model as it was before.
    pub reference: Option<&'a Looked>,
    /// Models trained as the subject was, on other rows.
    pub shadows: &'a [Shadow],
}
