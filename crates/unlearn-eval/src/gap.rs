//! How far scores are from those of retrained models.

use unlearn_core::score::{EvalReport, Gap, Item};
use unlearn_stats::bootstrap::Bootstrap;

use crate::metrics::{METRICS, Takes};

/// Says of every score how far it is from the retrained models': the first is the one that rows are paired with.
pub fn add_gaps(own: &mut EvalReport, retrained: &[EvalReport], seed: u64) {
    for (name, score) in &mut own.metrics {
        let values: Vec<f64> = retrained.iter().filter_map(|other| other.value(name)).collect();
        let Some(mut gap) = score.value.and_then(|value| Gap::of(value, &values)) else { continue };
        let theirs = retrained.first().and_then(|first| first.metrics.get(name));
        gap.interval = theirs.and_then(|theirs| interval(name, &score.per_item, &theirs.per_item, seed));
        score.gap = Some(gap);
    }
}

fn interval(name: &str, ours: &[Item], theirs: &[Item], seed: u64) -> Option<[f64; 2]> {
    let (set, metric) = name.split_once('/')?;
    let rows = METRICS.iter().find(|m| m.name == metric).and_then(|m| match &m.takes {
        Takes::Rows(rows) if rows.total.is_none() => Some(rows),
        _ => None,
    })?;
    let pair = |(a, b): (&Item, &Item)| Some(((rows.counts)(set, a.value()?), (rows.counts)(set, b.value()?)));
    let (a, b): (Vec<f64>, Vec<f64>) = ours.iter().zip(theirs).filter_map(pair).unzip();
    Bootstrap::seeded(seed).paired_difference_interval(&a, &b)
}
