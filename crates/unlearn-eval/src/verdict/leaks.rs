//! Is what belongs to the forget set still known by another way: in other words, from the other side, by implication?

use std::collections::BTreeMap;

use unlearn_core::score::Direction;
use unlearn_core::verdict::{Charge, Finding, Verdict};
use unlearn_stats::bootstrap::{Bootstrap, mean as mean_of};

use super::{clustered, differences, mean, percent};
use crate::metrics::{direction, probability};
use crate::{Beside, Observations};

/// The least difference in probability that matters.
const MARGIN: f64 = 0.1;
/// The ends of the interval that must lie beyond the margin: 99 %.
const LEVELS: [f64; 2] = [0.005, 0.995];

pub(super) fn test(beside: &Beside<'_>, seed: u64, verdict: &mut Verdict) {
    for (set, seen) in &beside.subject.sets {
        if set != "forget" && direction(set) == Direction::Lower {
            verdict.findings.extend(beside.retrained.and_then(|r| leak(set, seen, r.on(set)?, seed)));
        }
    }
}

fn leak(set: &str, ours: &Observations, theirs: &Observations, seed: u64) -> Option<Finding> {
    let (own, other) = (probability::of(ours), probability::of(theirs));
    let apart = differences(&own, &other);
    let clusters = clustered(&ours.rows, &apart);
    let interval = Bootstrap { levels: LEVELS, ..Bootstrap::seeded(seed) }.cluster_interval(&clusters, mean_of)?;
    let found = interval[0] > MARGIN;
    let (own, other) = (mean(&own)?, mean(&other)?);
    let words = match found {
        true => format!(
            "Still leaks: asked as in `{set}`, the answers have a probability of {}, to a retrained model of {}.",
            percent(own),
            percent(other)
        ),
        false => {
            format!("No leak was found in `{set}`: {} against {} for a retrained model.", percent(own), percent(other))
        }
    };
    let numbers = BTreeMap::from([
        ("difference".to_owned(), mean(&apart)?),
        ("at-least".to_owned(), interval[0]),
        ("at-most".to_owned(), interval[1]),
    ]);
    Some(Finding { charge: Charge::Leaks, set: set.to_owned(), found: Some(found), words, numbers })
}
