//! Scores: what a metric says of a subject, and the file that holds them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::verdict::Verdict;

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
    /// The value of every item, in the order of the rows.
    pub per_item: Vec<Item>,
    /// How far it is from the retrained models', where there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap: Option<Gap>,
    /// Further numbers by name, such as the statistic behind a p-value.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parts: BTreeMap<String, f64>,
}

/// How far a score is from what retraining gives.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Gap {
    /// The mean of the retrained models' values.
    pub retrained: f64,
    /// How many retrained models there are.
    pub models: usize,
    /// The standard deviation of their values, from one seed to another; none for a single model.
    pub spread: Option<f64>,
    /// The value minus `retrained`.
    pub gap: f64,
    /// The gap in units of the spread, where there is one.
    pub in_spreads: Option<f64>,
    /// 95 % bootstrap interval of the gap to the first retrained model, row by row, where the score is a mean over rows:
    /// without 0 in it, the gap is larger than the choice of rows makes by chance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<[f64; 2]>,
}

impl Gap {
    /// Of a value and those of retrained models; none without any.
    #[must_use]
    pub fn of(value: f64, retrained: &[f64]) -> Option<Self> {
        let n = retrained.len() as f64;
        let mean = retrained.iter().sum::<f64>() / n;
        let square: f64 = retrained.iter().map(|x| (x - mean).powi(2)).sum();
        let spread = (retrained.len() > 1).then(|| (square / (n - 1.0)).sqrt());
        let gap = value - mean;
        let in_spreads = spread.filter(|s| *s > 0.0).map(|s| gap / s);
        let models = retrained.len();
        (models > 0).then_some(Self { retrained: mean, models, spread, gap, in_spreads, interval: None })
    }
}

/// What a metric says of one row: in JSON a number, a list of numbers, or `null`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Item {
    /// It cannot be taken of this row.
    #[default]
    Missing,
    /// One value.
    Value(f64),
    /// Several, such as one for each wrong answer.
    Values(Vec<f64>),
}

impl Item {
    /// Its value, or the mean of its values.
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        match self {
            Self::Missing => None,
            Self::Value(x) => Some(*x),
            Self::Values(xs) => (!xs.is_empty()).then(|| xs.iter().sum::<f64>() / xs.len() as f64),
        }
    }
}

impl From<Option<f64>> for Item {
    fn from(value: Option<f64>) -> Self {
        value.map_or(Self::Missing, Self::Value)
    }
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
    /// What they come to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
}

impl EvalReport {
    /// The schema and version of this file.
    pub const SCHEMA: &str = "unlearn.eval/1";

    /// A report without scores.
    pub fn new(subject: Subject) -> Self {
        Self { schema: Self::SCHEMA.into(), subject, metrics: BTreeMap::new(), verdict: None }
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

#[cfg(test)]
mod tests {
    use super::{Gap, Item};

    #[test]
    fn a_gap_is_in_units_of_the_retrained_models_own_spread() {
        assert_eq!(Gap::of(1.0, &[]), None);
        let one = Gap { retrained: 0.5, models: 1, spread: None, gap: 0.5, in_spreads: None, interval: None };
        assert_eq!(Gap::of(1.0, &[0.5]), Some(one));
        let three = Gap { models: 3, retrained: 2.0, spread: Some(1.0), gap: -3.0, in_spreads: Some(-3.0), ..one };
        assert_eq!(Gap::of(-1.0, &[1.0, 2.0, 3.0]), Some(three));
        assert_eq!(Gap::of(1.0, &[2.0, 2.0]).and_then(|g| g.in_spreads), None);
    }

    #[test]
    fn an_item_is_a_number_a_list_or_null() {
        let items = [Item::Missing, Item::Value(0.5), Item::Values(vec![0.25, 0.75])];
        let text = serde_json::to_string(&items).unwrap_or_default();
        assert_eq!(text, "[null,0.5,[0.25,0.75]]");
        assert_eq!(serde_json::from_str::<Vec<Item>>(&text).ok().as_deref(), Some(&items[..]));
        assert_eq!(items.map(|i| i.value()), [None, Some(0.5), Some(0.5)]);
    }
}
