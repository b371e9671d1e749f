//! The metrics: one file each, one line here.

mod choice;
mod choice_normalised;
mod cka;
mod cloze;
mod depth;
pub(crate) mod exact_memorization;
mod extraction_strength;
mod fade;
mod fluency;
mod forget_quality;
mod hidden_distance;
mod js;
mod kl;
mod knowledge;
mod leak;
mod memorization_score;
pub mod mia;
mod model_utility;
mod overall_score;
mod perplexity;
mod privacy_score;
mod privleak;
pub(crate) mod probability;
mod probability_normalised;
mod probability_paraphrased;
mod probability_perturbed;
pub(crate) mod refusal;
mod repetition;
mod rouge;
mod rouge_1;
mod rouge_2;
mod rouge_f1;
pub(crate) mod truth_ratio;
mod verbatim;
mod wasserstein;

use std::collections::BTreeMap;

use unlearn_core::UnknownName;
use unlearn_core::registry::{self, Named};
use unlearn_core::score::{Direction, Item, Score};

use crate::about::interval_of_items;
use crate::{Beside, Needs, Observations};

/// One metric.
pub struct Metric {
    /// Its name: file stem, and what stands after the set in `eval.json`; membership attacks and what is taken once
    /// have no set before it.
    pub name: &'static str,
    /// Its page in the manual, as Markdown.
    pub page: &'static str,
    /// What it wants to have seen.
    pub needs: Needs,
    /// Whether it is taken when none is named.
    pub usual: bool,
    /// What it is taken of.
    pub takes: Takes,
}

/// What a metric is taken of.
pub enum Takes {
    /// Of every row of a set.
    Rows(Rows),
    /// Of the forget rows beside rows that no model saw: a membership attack. The value of each row of a set, higher
    /// where it is less likely to have been learned.
    Members(fn(&Beside<'_>, &str) -> Vec<Option<f64>>),
    /// Of a set as a whole.
    Set(fn(&Observations, &str, u64) -> Option<Score>),
    /// Of a set, as the subject and as the retrained model see it.
    Apart(fn(&Observations, &Observations) -> Option<Score>),
    /// Once, of the subject beside others.
    Beside(fn(&Beside<'_>) -> Option<Score>),
    /// Once, of other scores.
    Scores(fn(&BTreeMap<String, Score>) -> Option<Score>),
}

/// How a metric is taken of the rows of a set.
pub struct Rows {
    /// The value of every row.
    pub of: fn(&Observations) -> Vec<Item>,
    /// What a row's value counts for in the set's, which is the mean.
    pub counts: fn(&str, f64) -> f64,
    /// The set's value, where it is no mean over the rows.
    pub total: Option<fn(&Observations) -> Option<f64>>,
    /// Which way is better, by set.
    pub direction: fn(&str) -> Direction,
}

impl Rows {
    /// The mean of the rows' values, which tell how well an answer is known.
    pub const fn known(of: fn(&Observations) -> Vec<Item>) -> Self {
        Self { of, counts: |_, x| x, total: None, direction }
    }
}

impl Named for Metric {
    fn name(&self) -> &'static str {
        self.name
    }
}

/// Every metric, in the order in which they are listed.
pub static METRICS: &[Metric] = &[
    probability::METRIC,
    probability_paraphrased::METRIC,
    probability_perturbed::METRIC,
    probability_normalised::METRIC,
    truth_ratio::METRIC,
    rouge::METRIC,
    rouge_1::METRIC,
    rouge_2::METRIC,
    rouge_f1::METRIC,
    knowledge::METRIC,
    verbatim::METRIC,
    cloze::METRIC,
    exact_memorization::METRIC,
    extraction_strength::METRIC,
    perplexity::METRIC,
    choice::METRIC,
    choice_normalised::METRIC,
    refusal::METRIC,
    repetition::METRIC,
    fluency::METRIC,
    leak::METRIC,
    mia::loss::METRIC,
    mia::zlib::METRIC,
    mia::min_k::METRIC,
    mia::min_k_plus_plus::METRIC,
    mia::gradient_norm::METRIC,
    mia::reference::METRIC,
    mia::lira::METRIC,
    mia::rmia::METRIC,
    forget_quality::METRIC,
    privleak::METRIC,
    wasserstein::METRIC,
    kl::METRIC,
    js::METRIC,
    cka::METRIC,
    depth::METRIC,
    hidden_distance::METRIC,
    fade::METRIC,
    model_utility::METRIC,
    memorization_score::METRIC,
    privacy_score::METRIC,
    overall_score::METRIC,
];

/// Every metric, those that are taken only when they are named included.
const ALL: &str = "all";

/// The metrics of these names; the usual ones when none is given.
///
/// # Errors
/// When there is none of a name.
pub fn by_name(names: &[String]) -> Result<Vec<&'static Metric>, UnknownName> {
    if names.is_empty() {
        return Ok(METRICS.iter().filter(|m| m.usual).collect());
    }
    if names.iter().any(|n| n == ALL) {
        return Ok(METRICS.iter().collect());
    }
    names.iter().map(|n| registry::find("metric", METRICS, n)).collect()
}

/// Which way a metric of how well an answer is known is better on a set.
#[must_use]
pub fn direction(set: &str) -> Direction {
    match set {
        "forget" | "paraphrased" | "inverse" | "one-hop" => Direction::Lower,
        _ if set.starts_with("forget-") => Direction::Lower,
        "holdout" => Direction::Neither,
        _ => Direction::Higher,
    }
}

/// The harmonic mean of parts that are better the higher they are; none without any.
pub(crate) fn composite(parts: BTreeMap<String, f64>) -> Option<Score> {
    let values: Vec<f64> = parts.values().copied().collect();
    (!values.is_empty()).then(|| Score {
        value: unlearn_stats::hmean::harmonic_mean(&values),
        interval: None,
        n: values.len(),
        direction: Direction::Higher,
        per_item: Vec::new(),
        gap: None,
        parts,
    })
}

/// A value of each row as items.
pub(crate) fn items(values: Vec<Option<f64>>) -> Vec<Item> {
    values.into_iter().map(Item::from).collect()
}

/// One value of each greedy answer beside the data's.
pub(crate) fn of_generations(seen: &Observations, value: fn(&str, &str) -> f64) -> Vec<Item> {
    let pairs = seen.rows.iter().zip(&seen.generations);
    items(pairs.map(|(row, said)| Some(value(row.answer_text()?, said.as_deref()?))).collect())
}

/// The mean over a row's tokens of how far the subject's distribution of the next token is from the retrained model's,
/// both given as log-probabilities.
pub(crate) fn apart_by_tokens(
    ours: &Observations,
    theirs: &Observations,
    far: fn(&[f64], &[f64]) -> Option<f64>,
) -> Option<Score> {
    let (peek, other) = (ours.inside.as_ref()?, theirs.inside.as_ref()?);
    if peek.tokens != other.tokens {
        return None;
    }
    let mut values = Vec::new();
    peek.inside.each_pair(&other.inside, &mut |a, b| values.push(far(&log_softmax(a), &log_softmax(b))));
    let (mut per_item, mut known, mut at) = (vec![Item::Missing; ours.rows.len()], Vec::new(), 0);
    for (&row, &n) in peek.rows.iter().zip(&peek.inside.tokens) {
        let tokens: Vec<f64> = values[at..at + n].iter().copied().collect::<Option<_>>()?;
        let mean = tokens.iter().sum::<f64>() / n.max(1) as f64;
        per_item[row] = Item::Value(mean);
        known.push(mean);
        at += n;
    }
    Some(Score {
        value: Some(known.iter().sum::<f64>() / known.len() as f64),
        interval: interval_of_items(&ours.rows, &per_item, 0),
        n: known.len(),
        direction: Direction::Lower,
        per_item,
        gap: None,
        parts: BTreeMap::new(),
    })
}

fn log_softmax(scores: &[f32]) -> Vec<f64> {
    let top = scores.iter().fold(f64::NEG_INFINITY, |m, &x| m.max(f64::from(x)));
    let norm = top + scores.iter().map(|&x| (f64::from(x) - top).exp()).sum::<f64>().ln();
    scores.iter().map(|&x| f64::from(x) - norm).collect()
}
