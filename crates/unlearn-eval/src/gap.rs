//! How far scores are from those of retrained models.

use unlearn_core::score::{EvalReport, Gap, Item};

use crate::Looked;
use crate::about;
use crate::metrics::{METRICS, Takes};

/// Says of every score how far it is from the retrained models': the first is the one that rows are paired with. `looked`
/// is what was seen of the subject, whose rows say what they are about.
pub fn add_gaps(own: &mut EvalReport, looked: &Looked, retrained: &[EvalReport], seed: u64) {
    for (name, score) in &mut own.metrics {
        let values: Vec<f64> = retrained.iter().filter_map(|other| other.value(name)).collect();
        let Some(mut gap) = score.value.and_then(|value| Gap::of(value, &values)) else { continue };
        let theirs = retrained.first().and_then(|first| first.metrics.get(name));
        gap.interval = theirs.and_then(|theirs| interval(name, looked, [&score.per_item, &theirs.per_item], seed));
        score.gap = Some(gap);
    }
}

fn interval(name: &str, looked: &Looked, [ours, theirs]: [&[Item]; 2], seed: u64) -> Option<[f64; 2]> {
    let (set, metric) = name.split_once('/')?;
    let rows = METRICS.iter().find(|m| m.name == metric).and_then(|m| match &m.takes {
        Takes::Rows(rows) if rows.total.is_none() => Some(rows),
        _ => None,
    })?;
    let apart = |(a, b): (&Item, &Item)| Some((rows.counts)(set, a.value()?) - (rows.counts)(set, b.value()?));
    let differences: Vec<Option<f64>> = ours.iter().zip(theirs).map(apart).collect();
    about::interval(&looked.on(set)?.rows, &differences, seed)
}
