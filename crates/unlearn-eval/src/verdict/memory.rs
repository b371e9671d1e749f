//! Does the subject treat the forget rows as it treats rows of the same kind that no model saw?

use std::collections::BTreeMap;

use unlearn_core::verdict::{Charge, Finding, Verdict};
use unlearn_stats::bootstrap::Bootstrap;
use unlearn_stats::permutation::{Alternative, Permutation};

use super::{chance, clustered, differences, levels, mean, times};
use crate::Beside;

/// The chance of a false charge, on each side.
const CHANCE: f64 = 0.01;
/// The least difference that matters, in nats for each token.
const MARGIN: f64 = 0.2;
/// The same against one retrained model, from which another one differs as well.
const MARGIN_PAIRED: f64 = 0.5;

pub(super) fn test(beside: &Beside<'_>, seed: u64, verdict: &mut Verdict) {
    let findings = against_holdout(beside, seed).or_else(|| against_retrained(beside, seed));
    let untested = || {
        let words = "Whether the forget set is still known could not be tested: there are neither rows that no model \
                     saw (`--holdout`) nor a retrained model (`--retrained`)."
            .to_owned();
        let set = "forget".to_owned();
        vec![Finding { charge: Charge::Remembers, set, found: None, words, numbers: BTreeMap::new() }]
    };
    verdict.findings.extend(findings.unwrap_or_else(untested));
}

/// Rows that no model saw are exchangeable with forget rows under a model that saw neither: an exact test, with labels
/// exchanged by what rows are about. Where there is a retrained model, its own values are taken off first: then only
/// what it does not share counts.
fn against_holdout(beside: &Beside<'_>, seed: u64) -> Option<Vec<Finding>> {
    let (forget, holdout) = (beside.subject.on("forget")?, beside.subject.on("holdout")?);
    let own = [levels(forget), levels(holdout)];
    let taken_off = |set: &str, values: &[Option<f64>]| match beside.retrained {
        Some(retrained) => differences(values, &retrained.of(set, levels)),
        None => values.to_vec(),
    };
    let a = clustered(&forget.rows, &taken_off("forget", &own[0]));
    let b = clustered(&holdout.rows, &taken_off("holdout", &own[1]));
    let tested = |alternative| Permutation { alternative, ..Permutation::seeded(seed) }.difference_of_means(&a, &b);
    let (more, less) = (tested(Alternative::Greater)?, tested(Alternative::Less)?);
    let difference = more.statistic;
    let numbers = |p_value: f64| {
        BTreeMap::from([
            ("p-value".to_owned(), p_value),
            ("difference".to_owned(), difference),
            ("forget".to_owned(), mean(&own[0]).unwrap_or(f64::NAN).exp()),
            ("holdout".to_owned(), mean(&own[1]).unwrap_or(f64::NAN).exp()),
        ])
    };
    let remembers = more.p_value <= CHANCE && difference > MARGIN;
    let shuns = less.p_value <= CHANCE && difference < -MARGIN;
    let beside_what = match beside.retrained {
        Some(_) => "those to questions that no model saw, and than a retrained model finds them",
        None => "those to questions that no model saw",
    };
    let words = match (remembers, shuns) {
        (true, _) => format!(
            "Not forgotten: an answer's tokens are {} as probable as {beside_what} ({}).",
            times(difference),
            chance(more.p_value)
        ),
        (_, true) => format!(
            "Overdone: the forget answers are avoided; their tokens are {} less probable than {beside_what} ({}).",
            times(difference),
            chance(less.p_value)
        ),
        _ => format!(
            "Forgotten, as far as answers to the forget questions show: they are neither better known nor avoided \
             beside {beside_what} ({}).",
            chance(more.p_value.min(less.p_value))
        ),
    };
    let finding = |charge, found, words: &str, p: f64| Finding {
        charge,
        set: "forget".into(),
        found: Some(found),
        words: words.to_owned(),
        numbers: numbers(p),
    };
    Some(vec![
        finding(Charge::Remembers, remembers, if shuns { "" } else { &words }, more.p_value),
        finding(Charge::Shuns, shuns, if shuns { &words } else { "" }, less.p_value),
    ])
}

/// Row by row against the retrained model, with a margin, as there is no telling how far another one would differ.
fn against_retrained(beside: &Beside<'_>, seed: u64) -> Option<Vec<Finding>> {
    let (ours, theirs) = (beside.subject.on("forget")?, beside.retrained?.on("forget")?);
    let apart = differences(&levels(ours), &levels(theirs));
    let difference = mean(&apart)?;
    let interval = Bootstrap { levels: [CHANCE, 1.0 - CHANCE], ..Bootstrap::seeded(seed) }
        .cluster_interval(&clustered(&ours.rows, &apart), unlearn_stats::bootstrap::mean)?;
    let (remembers, shuns) = (interval[0] > MARGIN_PAIRED, interval[1] < -MARGIN_PAIRED);
    let words = match (remembers, shuns) {
        (true, _) => {
            format!("Not forgotten: an answer's tokens are {} as probable as to a retrained model.", times(difference))
        }
        (_, true) => format!(
            "Overdone: the forget answers are avoided; their tokens are {} less probable than to a retrained model.",
            times(difference)
        ),
        _ => "Forgotten, as far as answers to the forget questions show: they are about as probable as to a retrained \
              model. Rows that no model saw (`--holdout`) would make this a sharper test."
            .to_owned(),
    };
    let numbers = BTreeMap::from([
        ("difference".to_owned(), difference),
        ("at-least".to_owned(), interval[0]),
        ("at-most".to_owned(), interval[1]),
    ]);
    let finding = |charge, found, words: &str| Finding {
        charge,
        set: "forget".into(),
        found: Some(found),
        words: words.to_owned(),
        numbers: numbers.clone(),
    };
    Some(vec![
        finding(Charge::Remembers, remembers, if shuns { "" } else { &words }),
        finding(Charge::Shuns, shuns, if shuns { &words } else { "" }),
    ])
}
