//! From what metrics say of rows to scores.

use std::collections::BTreeMap;

use unlearn_core::score::{Direction, Item, Score};
use unlearn_stats::auc as roc;
use unlearn_stats::bootstrap::Bootstrap;

use crate::about::{clustered, interval};
use crate::metrics::Rows;
use crate::{Beside, Observations};

/// The score of a set. `None` where the metric can be taken of no row.
pub(crate) fn of_rows(rows: &Rows, set: &str, seen: &Observations, seed: u64) -> Option<Score> {
    let per_item = (rows.of)(seen);
    let counted: Vec<Option<f64>> = per_item.iter().map(|i| i.value().map(|x| (rows.counts)(set, x))).collect();
    let known: Vec<f64> = counted.iter().flatten().copied().collect();
    let n = known.len();
    let mean = || known.iter().sum::<f64>() / n as f64;
    let value = match rows.total {
        Some(total) => total(seen),
        None => (n > 0).then(mean),
    };
    (n > 0).then(|| Score {
        value,
        interval: if rows.total.is_some() { None } else { interval(&seen.rows, &counted, seed) },
        n,
        direction: (rows.direction)(set),
        per_item,
        gap: None,
        parts: BTreeMap::new(),
    })
}

/// How well scores tell rows that no model saw from the forget rows: the chance that one of the former has the larger
/// score, ties counting half. `None` where a side is empty.
pub(crate) fn auc(forget: &[Option<f64>], holdout: &[Option<f64>]) -> Option<f64> {
    let known = |values: &[Option<f64>]| values.iter().flatten().copied().collect::<Vec<f64>>();
    roc::roc_auc(&known(forget), &known(holdout))
}

/// The score of a membership attack.
pub(crate) fn of_members(
    beside: &Beside<'_>,
    attack: fn(&Beside<'_>, &str) -> Vec<Option<f64>>,
    seed: u64,
) -> Option<Score> {
    let [forget, holdout] = ["forget", "holdout"].map(|set| attack(beside, set));
    let known = |values: &[Option<f64>]| values.iter().flatten().copied().collect::<Vec<f64>>();
    let (members, others) = (known(&forget), known(&holdout));
    let value = roc::roc_auc(&members, &others)?;
    let about = |set, values| clustered(beside.subject.on(set).map_or(&[], |seen| &seen.rows), values);
    let (by_subject, others_by_subject) = (about("forget", &forget), about("holdout", &holdout));
    // A member is found where its score is low.
    let flipped = |values: &[f64]| values.iter().map(|x| -x).collect::<Vec<f64>>();
    let mut parts = BTreeMap::from([("forget-rows".to_owned(), forget.len() as f64)]);
    for (name, rate) in [("tpr-at-1-percent-fpr", 0.01), ("tpr-at-10-percent-fpr", 0.1)] {
        if let Some(found) = roc::tpr_at_fpr(&flipped(&others), &flipped(&members), rate) {
            parts.insert(name.to_owned(), found);
        }
    }
    Some(Score {
        value: Some(value),
        interval: Bootstrap::seeded(seed).two_sample_cluster_interval(&by_subject, &others_by_subject, roc::roc_auc),
        n: members.len() + others.len(),
        direction: Direction::Neither,
        per_item: forget.into_iter().chain(holdout).map(Item::from).collect(),
        gap: None,
        parts,
    })
}
