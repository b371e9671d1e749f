//! Judging the metrics: how well each tells models that know the forget set from models that never saw it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use unlearn_core::score::{Direction, EvalReport, Score};
use unlearn_stats::auc::{bootstrap_interval, roc_auc};
use unlearn_stats::bootstrap::Bootstrap;

/// Which values speak for knowledge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Knows {
    /// A larger value.
    Larger,
    /// A smaller one.
    Smaller,
}

/// Metrics whose direction is neither, and whose smaller values speak for knowledge.
const SMALLER: &[&str] = &["forget/perplexity", "forget/probability-perturbed", "forget/refusal", "privleak"];

impl Knows {
    /// Of a metric of the forget set: where lower is better, a larger value speaks for knowledge, and the other way
    /// round. Where it is neither, a larger one does, as of every membership attack, but for four metrics.
    #[must_use]
    pub fn of(metric: &str, direction: Direction) -> Self {
        match direction {
            Direction::Lower => Self::Larger,
            Direction::Higher => Self::Smaller,
            Direction::Neither if SMALLER.contains(&metric) => Self::Smaller,
            Direction::Neither => Self::Larger,
        }
    }
}

/// A metric's values of both kinds of model, and how well they tell them apart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Apart {
    /// The chance that of one model of each kind, the one that knows has the value that speaks more for knowledge; ties
    /// count half. 1: always told apart, 0.5: no better than chance.
    pub auc: f64,
    /// The 95 % bootstrap interval: models are drawn anew, of each kind. A point where they are entirely apart.
    pub interval: Option<[f64; 2]>,
    /// The values of the models that know.
    pub knowing: Vec<f64>,
    /// The values of those that never saw the forget set.
    pub ignorant: Vec<f64>,
}

impl Apart {
    /// `None` without a value on either side.
    #[must_use]
    pub fn of(knows: Knows, knowing: Vec<f64>, ignorant: Vec<f64>, seed: u64) -> Option<Self> {
        let turned = |values: &[f64]| -> Vec<f64> {
            values.iter().map(|x| if knows == Knows::Smaller { -x } else { *x }).collect()
        };
        let (negative, positive) = (turned(&ignorant), turned(&knowing));
        let auc = roc_auc(&negative, &positive)?;
        let interval = bootstrap_interval(&negative, &positive, &Bootstrap::seeded(seed));
        Some(Self { auc, interval, knowing, ignorant })
    }
}

/// Which way each metric of the forget set, or of the forget set beside others, speaks for knowledge.
#[must_use]
pub fn judged(reports: &[&EvalReport]) -> BTreeMap<String, Knows> {
    let of = |(name, score): (&String, &Score)| {
        let about = !name.contains('/') || name.starts_with("forget/") || name.starts_with("mia/");
        about.then(|| (name.clone(), Knows::of(name, score.direction)))
    };
    reports.iter().flat_map(|report| report.metrics.iter().filter_map(of)).collect()
}

/// How well one metric tells two kinds of models apart; those of which it could not be taken are left out.
#[must_use]
pub fn apart(metric: &str, knows: Knows, pools: [&[EvalReport]; 2], seed: u64) -> Option<Apart> {
    let [knowing, ignorant] =
        pools.map(|pool| pool.iter().filter_map(|report| report.value(metric)).collect::<Vec<f64>>());
    Apart::of(knows, knowing, ignorant, seed)
}

#[cfg(test)]
mod tests {
    use unlearn_core::score::Subject;

    use super::*;

    fn report(name: &str, value: Option<f64>, direction: Direction) -> EvalReport {
        let mut report = EvalReport::new(Subject::default());
        let score = Score {
            value,
            interval: None,
            n: 1,
            direction,
            per_item: Vec::new(),
            gap: None,
            parts: BTreeMap::default(),
        };
        report.metrics.insert(name.into(), score);
        report
    }

    #[test]
    fn a_metric_is_turned_so_that_one_means_that_knowledge_was_seen() {
        let low = Apart::of(Knows::Smaller, vec![0.1, 0.2], vec![0.8, 0.2], 0).expect("values");
        assert_eq!(low.auc, 0.875);
        let high = Apart::of(Knows::Larger, vec![0.1, 0.2], vec![0.8, 0.2], 0).expect("values");
        assert_eq!(high.auc, 0.125);
        let [lower, upper] = low.interval.expect("two of each");
        assert!(lower <= low.auc && low.auc <= upper);
        assert_eq!(Apart::of(Knows::Larger, vec![0.5; 3], vec![0.5; 3], 0).expect("values").auc, 0.5);
        assert_eq!(Apart::of(Knows::Larger, vec![], vec![0.5], 0), None);
    }

    #[test]
    fn the_direction_says_which_way_and_models_without_a_value_are_left_out() {
        let name = "forget/truth-ratio";
        let knowing = [report(name, Some(0.2), Direction::Higher), report(name, None, Direction::Higher)];
        let ignorant = [report(name, Some(0.9), Direction::Higher)];
        let ways = judged(&knowing.iter().collect::<Vec<_>>());
        assert_eq!(ways[name], Knows::Smaller);
        let found = apart(name, ways[name], [&knowing, &ignorant], 0).expect("a value on each side");
        assert_eq!((found.auc, found.knowing.len(), found.interval), (1.0, 1, None));
        assert_eq!(Knows::of("mia/loss", Direction::Neither), Knows::Larger);
        assert_eq!(Knows::of("privleak", Direction::Neither), Knows::Smaller);
        let others = [report("holdout/rouge", Some(1.0), Direction::Neither)];
        assert!(judged(&others.iter().collect::<Vec<_>>()).is_empty());
    }
}
