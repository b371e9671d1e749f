//! Scores: what a metric says of a subject, and the file that holds them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Which way is better, for one who wants the forget set gone and the rest kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// Lower is better (e.g. the probability of a forgotten answer).
    Lower,
    /// Higher is better (e.g. the probability of a retained answer).
    Higher,
    /// Neither: it is read against the retrained model's.
    Neither,
}

/// The value of one metric on one set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// The aggregate; `null` in JSON when no item could be scored.
    pub value: Option<f64>,
    /// 95 % bootstrap interval of the aggregate.
    pub interval: Option<[f64; 2]>,
    /// Items that went into it.
    pub n: usize,
    /// Which way is better.
    pub direction: Direction,
    /// The value of every item, in the order of the rows; `null` where it is missing.
    pub per_item: Vec<Option<f64>>,
}

/// Who was examined.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Subject {
    /// A short name: `target`, `unlearned`, `retrained` or the folder's.
    pub name: String,
    /// The folder as the user gave it.
    pub path: String,
    /// Digest of the weights.
    pub digest: String,
}

/// The content of `eval.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EvalReport {
    /// Always [`EvalReport::SCHEMA`].
    pub schema: String,
    /// Who was examined.
    pub subject: Subject,
    /// Scores by metric name, e.g. `forget/probability`.
    pub metrics: BTreeMap<String, Score>,
}

impl EvalReport {
    /// The schema and version of this file.
    pub const SCHEMA: &str = "unlearn.eval/1";

    /// A report without scores.
    pub fn new(subject: Subject) -> Self {
        Self { schema: Self::SCHEMA.into(), subject, metrics: BTreeMap::new() }
    }

    /// The value of a metric, if it was taken.
    pub fn value(&self, metric: &str) -> Option<f64> {
        self.metrics.get(metric)?.value
    }
}

/// A question, the answer that the data gives and the one that the subject gave: a line of `answers.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// The set: `forget`, `retain`, `holdout`, …
    pub set: String,
    /// The row's place in its set, from 0.
    pub index: usize,
    /// What was asked.
    pub question: String,
    /// What the data says.
    pub answer: String,
    /// What the subject said.
    pub generation: String,
}
