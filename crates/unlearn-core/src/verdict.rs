//! What scores come to, in words: what was forgotten, what was kept, what still leaks, how sure that is.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What is held against a subject, beside a model that never saw the forget set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Charge {
    /// The forget answers are known: preferred to wrong ones, or given, more than those to questions that no model saw.
    Remembers,
    /// The forget rows stand out: their answers are more likely than those to questions that no model saw.
    Marked,
    /// They are avoided: less likely than those to questions that no model saw.
    Shuns,
    /// Less of what was to be kept is known.
    Damaged,
    /// What was to be kept is declined.
    Refuses,
    /// Hardly anything is left.
    Collapsed,
    /// A guard withholds answers; the model behind it may know as much as ever.
    Masks,
    /// Another set that belongs to the forget set is still known.
    Leaks,
}

/// One thing that was tested.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// What the subject is charged with.
    pub charge: Charge,
    /// The set that was looked at.
    pub set: String,
    /// Whether it was found guilty; none where it could not be tested.
    pub found: Option<bool>,
    /// The finding in a sentence.
    pub words: String,
    /// The numbers behind it, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub numbers: BTreeMap<String, f64>,
}

/// What the scores of a subject come to.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// Everything that was tested.
    pub findings: Vec<Finding>,
    /// How sure it is: what was compared with what.
    pub basis: Vec<String>,
}

impl Verdict {
    /// The charges of which the subject was found guilty, each once.
    #[must_use]
    pub fn charges(&self) -> Vec<Charge> {
        let mut all: Vec<Charge> = self.findings.iter().filter(|f| f.found == Some(true)).map(|f| f.charge).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// The findings on a charge.
    pub fn on(&self, charge: Charge) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(move |f| f.charge == charge)
    }
}
