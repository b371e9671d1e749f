//! Does the subject treat the forget rows as it treats rows of the same kind that no model saw?

use std::collections::BTreeMap;

use unlearn_core::verdict::{Charge, Finding, Verdict};
use unlearn_stats::permutation::{Alternative, Permutation, Tested};
use unlearn_stats::student::{chance_of_difference, chance_of_mean};

use super::{FLOOR, chance, clustered, differences, levels, mean, percent, times};
use crate::metrics::{exact_memorization, truth_ratio};
use crate::{Beside, Observations};

/// The chance of a false charge of remembering, of being marked and of shunning each.
const CHANCE: f64 = 0.01;

/// What is compared of a row.
struct Measure {
    name: &'static str,
    of: fn(&Observations) -> Vec<Option<f64>>,
    /// The least difference that matters, against rows that no model saw.
    margin: f64,
    /// The same against one retrained model, from which another one differs as well.
    margin_paired: f64,
}

/// By how many nats per token the truth is preferred to what is wrong. However sure of itself a model is, it prefers
/// neither where it knows nothing.
const PREFERENCE: Measure = Measure { name: "preference", of: preferences, margin: 0.2, margin_paired: 0.5 };
/// The share of the answer's tokens that would be said.
const SAID: Measure = Measure { name: "said", of: exact_memorization::of, margin: 0.1, margin_paired: 0.2 };
/// How likely the answer is, in nats per token; a model that is less sure of its wrong answers gives the right one more.
const LEVEL: Measure = Measure { name: "level", of: levels, margin: 0.2, margin_paired: 0.5 };

fn preferences(seen: &Observations) -> Vec<Option<f64>> {
    truth_ratio::of(seen).into_iter().map(|r| Some((-r?.ln()).clamp(FLOOR, -FLOOR))).collect()
}

/// How much more there is of something in the forget set, and the chances of as much, and of as little.
struct Compared {
    difference: f64,
    chances: Chances,
    margin: f64,
    values: [f64; 2],
}

/// The chances of a difference as large, and as small.
enum Chances {
    /// By exchanging labels or signs.
    Exact([f64; 2]),
    /// If averages over the rows about one thing are normally distributed: these are about too few things for an
    /// exchange to ever speak against chance.
    Normal([f64; 2]),
    /// These are about too few things to tell.
    None,
}

impl Chances {
    /// Of tests each way, and of the same by Student's test of the means of what rows are about.
    fn of(tests: [Tested; 2], student: impl FnOnce() -> Option<[f64; 2]>) -> Self {
        if tests.iter().all(|tested| tested.least <= CHANCE / 2.0) {
            return Self::Exact(tests.map(|tested| tested.p_value));
        }
        student().map_or(Self::None, Self::Normal)
    }

    fn both(&self) -> Option<[f64; 2]> {
        match self {
            Self::Exact(both) | Self::Normal(both) => Some(*both),
            Self::None => None,
        }
    }
}

impl Compared {
    /// The chance of as much.
    fn more(&self) -> f64 {
        self.chances.both().map_or(1.0, |both| both[0])
    }
    /// The chance of as little.
    fn less(&self) -> f64 {
        self.chances.both().map_or(1.0, |both| both[1])
    }
    fn is_more(&self, chance: f64) -> bool {
        self.more() <= chance && self.difference > self.margin
    }
    fn is_less(&self, chance: f64) -> bool {
        self.less() <= chance && self.difference < -self.margin
    }
    fn numbers(&self, name: &str) -> Vec<(String, f64)> {
        let [forget, other] = self.values;
        let mut numbers = vec![("difference", self.difference), ("forget", forget), ("compared-with", other)];
        if let Some([more, less]) = self.chances.both() {
            numbers.extend([("p-more", more), ("p-less", less)]);
        }
        numbers.into_iter().map(|(what, x)| (format!("{name}-{what}"), x)).collect()
    }
}

/// The mean of each.
fn means(clusters: &[Vec<f64>]) -> Vec<f64> {
    clusters.iter().filter_map(|values| unlearn_stats::bootstrap::mean(values)).collect()
}

pub(super) fn test(beside: &Beside<'_>, seed: u64, verdict: &mut Verdict) {
    let holdout = beside.subject.on("holdout").is_some();
    let compare = |measure: &Measure| match holdout {
        true => with_holdout(beside, measure, seed),
        false => with_retrained(beside, measure, seed),
    };
    let than = match (holdout, beside.retrained.is_some()) {
        (true, true) => "questions that no model saw, a retrained model's own preferences taken off",
        (true, false) => "questions that no model saw",
        (false, _) => "the same questions put to a retrained model",
    };
    let Some(level) = compare(&LEVEL) else {
        let words = match beside.subject.on("forget").is_some_and(|seen| seen.withheld.contains(&true)) {
            true => "Whether the forget set is still known cannot be told through the guard.",
            false => {
                "Whether the forget set is still known could not be tested: there are neither rows that no model saw \
                 (`--holdout`) nor a retrained model (`--retrained`)."
            }
        };
        verdict.findings.push(finding(Charge::Remembers, None, words.to_owned(), BTreeMap::new()));
        return;
    };
    if matches!(level.chances, Chances::None) {
        let words = format!(
            "Whether the forget set is still known cannot be told: the rows are about too few different things for a test \
             against chance. As they are, the forget answers' tokens are {} {} those to {than}. Rows about \
             other things that no model saw (`--holdout`), each with its `entity`, would tell.",
            times(level.difference),
            if level.difference < 0.0 { "less probable than" } else { "as probable as" },
        );
        let numbers = level.numbers(LEVEL.name).into_iter().collect();
        verdict.findings.push(finding(Charge::Remembers, None, words, numbers));
        return;
    }
    if matches!(level.chances, Chances::Normal(_)) {
        verdict.basis.push(
            "The rows are about so few different things that chances could only be had by supposing that averages over \
             the rows about each are normally distributed."
                .to_owned(),
        );
    }
    let (preference, said) = (compare(&PREFERENCE), compare(&SAID));
    // Two tests share the chance of a false charge.
    let tests = [(&preference, PREFERENCE.name), (&said, SAID.name)];
    let remembers: Vec<&str> =
        tests.iter().filter(|(c, _)| c.as_ref().is_some_and(|c| c.is_more(CHANCE / 2.0))).map(|t| t.1).collect();
    let (marked, shuns) = (level.is_more(CHANCE), level.is_less(CHANCE));
    let mut numbers: BTreeMap<String, f64> = level.numbers(LEVEL.name).into_iter().collect();
    for (compared, name) in tests {
        numbers.extend(compared.iter().flat_map(|c| c.numbers(name)));
    }
    let mut how = Vec::new();
    if let Some(c) = preference.as_ref().filter(|_| remembers.contains(&PREFERENCE.name)) {
        how.push(format!(
            "true answers are preferred to wrong ones {} as much, {}",
            times(c.difference),
            chance(c.more())
        ));
    }
    if let Some(c) = said.as_ref().filter(|_| remembers.contains(&SAID.name)) {
        let [forget, other] = c.values.map(percent);
        how.push(format!("{forget} of the answers' tokens would be said against {other}, {}", chance(c.more())));
    }
    let words = match how.is_empty() {
        false => format!("Not forgotten, beside {than}: {}.", how.join("; ")),
        true if shuns => String::new(),
        true => {
            format!("Forgotten, as far as answers to the forget questions show: they are known no better than {than}.")
        }
    };
    // Of two tests, the smaller chance counts twice.
    let least = tests.iter().filter_map(|(c, _)| Some(c.as_ref()?.more())).fold(0.5, f64::min);
    let with = |p: f64| {
        let mut numbers = numbers.clone();
        numbers.insert("p-value".to_owned(), p);
        numbers
    };
    verdict.findings.push(finding(Charge::Remembers, Some(!remembers.is_empty()), words, with(2.0 * least)));
    let words = match marked {
        true => format!(
            "The forget rows stand out: their answers' tokens are {} as probable as those to {than} ({}); that they were \
             once learned can be told.",
            times(level.difference),
            chance(level.more())
        ),
        false => String::new(),
    };
    verdict.findings.push(finding(Charge::Marked, Some(marked), words, with(level.more())));
    let words = match shuns {
        true => format!(
            "Overdone: the forget answers are avoided; their tokens are {} less probable than those to {than} ({}).",
            times(level.difference),
            chance(level.less())
        ),
        false => String::new(),
    };
    verdict.findings.push(finding(Charge::Shuns, Some(shuns), words, with(level.less())));
}

fn finding(charge: Charge, found: Option<bool>, words: String, numbers: BTreeMap<String, f64>) -> Finding {
    Finding { charge, set: "forget".into(), found, words, numbers }
}

/// Rows that no model saw are exchangeable with forget rows under a model that saw neither: an exact test, with labels
/// exchanged by what rows are about. Where there is a retrained model, its own values are taken off first: then only
/// what it does not share counts.
fn with_holdout(beside: &Beside<'_>, measure: &Measure, seed: u64) -> Option<Compared> {
    let (forget, holdout) = (beside.subject.on("forget")?, beside.subject.on("holdout")?);
    let own = [(measure.of)(forget), (measure.of)(holdout)];
    let taken_off = |set: &str, values: &[Option<f64>]| match beside.retrained {
        Some(retrained) => differences(values, &retrained.of(set, measure.of)),
        None => values.to_vec(),
    };
    let a = clustered(&forget.rows, &taken_off("forget", &own[0]));
    let b = clustered(&holdout.rows, &taken_off("holdout", &own[1]));
    let tested = |alternative| Permutation { alternative, ..Permutation::seeded(seed) }.difference_of_means(&a, &b);
    let (more, less) = (tested(Alternative::Greater)?, tested(Alternative::Less)?);
    let student = || {
        let (a, b) = (means(&a), means(&b));
        Some([chance_of_difference(&a, &b)?, chance_of_difference(&b, &a)?])
    };
    Some(Compared {
        difference: more.statistic,
        chances: Chances::of([more, less], student),
        margin: measure.margin,
        values: [mean(&own[0])?, mean(&own[1])?],
    })
}

/// Row by row against the retrained model: signs are exchanged by what rows are about.
fn with_retrained(beside: &Beside<'_>, measure: &Measure, seed: u64) -> Option<Compared> {
    let (ours, theirs) = (beside.subject.on("forget")?, beside.retrained?.on("forget")?);
    let (own, other) = ((measure.of)(ours), (measure.of)(theirs));
    let apart = clustered(&ours.rows, &differences(&own, &other));
    let tested = |alternative| Permutation { alternative, ..Permutation::seeded(seed) }.mean_of_differences(&apart);
    let (more, less) = (tested(Alternative::Greater)?, tested(Alternative::Less)?);
    let student = || {
        let up = means(&apart);
        let down: Vec<f64> = up.iter().map(|x| -x).collect();
        Some([chance_of_mean(&up)?, chance_of_mean(&down)?])
    };
    Some(Compared {
        difference: more.statistic,
        chances: Chances::of([more, less], student),
        margin: measure.margin_paired,
        values: [mean(&own)?, mean(&other)?],
    })
}
