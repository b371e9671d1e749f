//! Examining subjects: every set looked at once, then every metric taken.

use unlearn_core::score::{Answer, EvalReport, Subject};
use unlearn_data::Row;

use crate::metrics::{Metric, Takes};
use crate::observation::Spent;
use crate::observe::{Beside, Looked, Observer, steps};
use crate::{EvalError, EvalSet, Needs, Observations, score};

/// How far an examination is.
#[derive(Debug, Clone, Copy)]
pub struct Progress<'a> {
    /// The set that is looked at.
    pub set: &'a str,
    /// Observations made, of all sets.
    pub done: usize,
    /// Observations to be made.
    pub total: usize,
}

/// What some metrics want to have seen of a set.
fn wanted(metrics: &[&Metric], sets: &[EvalSet], set: &EvalSet) -> Needs {
    let members =
        matches!(set.name.as_str(), "forget" | "holdout") && ["forget", "holdout"].iter().all(|name| has(sets, name));
    let of = |metric: &&&Metric| match metric.takes {
        Takes::Rows(_) | Takes::Set(_) | Takes::Apart(_) | Takes::Scores(_) => set.wants(metric.name),
        Takes::Members(_) => members,
        // Both membership and truth ratios are of these sets.
        Takes::Beside(_) => matches!(set.name.as_str(), "forget" | "holdout"),
    };
    metrics.iter().filter(of).fold(Needs::NONE, |needs, metric| needs.or(metric.needs))
}

fn has(sets: &[EvalSet], name: &str) -> bool {
    sets.iter().any(|set| set.name == name)
}

/// Looks at a subject once on every set, for all that the metrics want.
///
/// # Errors
/// When a row does not fit the subject, or its answers are not numbers.
pub fn look(
    observer: &Observer<'_>,
    metrics: &[&Metric],
    sets: &[EvalSet],
    tell: &mut dyn FnMut(Progress<'_>),
) -> Result<Looked, EvalError> {
    let needs: Vec<Needs> = sets.iter().map(|set| wanted(metrics, sets, set)).collect();
    let total = sets.iter().zip(&needs).map(|(set, &needs)| set.rows.len() * steps(needs)).sum();
    let (mut looked, mut before) = (Looked::default(), 0);
    for (set, &needs) in sets.iter().zip(&needs) {
        let mut done = |n: usize| tell(Progress { set: &set.name, done: before + n, total });
        let seen = observer.observe(set, needs, &mut done)?;
        before += set.rows.len() * steps(needs);
        looked.sets.push((set.name.clone(), seen));
    }
    Ok(looked)
}

/// Takes the metrics of what was seen of a subject beside others.
#[must_use]
pub fn take(beside: &Beside<'_>, subject: Subject, metrics: &[&Metric], sets: &[EvalSet], seed: u64) -> EvalReport {
    let mut report = EvalReport::new(subject);
    for (set, (name, seen)) in sets.iter().zip(&beside.subject.sets) {
        for metric in metrics.iter().filter(|m| set.wants(m.name)) {
            let score = match &metric.takes {
                Takes::Rows(rows) => score::of_rows(rows, name, seen, seed),
                Takes::Set(of) => of(seen, name, seed),
                Takes::Apart(of) => beside.retrained.and_then(|r| of(seen, r.on(name)?)),
                Takes::Members(_) | Takes::Beside(_) | Takes::Scores(_) => None,
            };
            if let Some(score) = score {
                report.metrics.insert(format!("{name}/{}", metric.name), score);
            }
        }
    }
    for metric in metrics {
        let score = match metric.takes {
            Takes::Rows(_) | Takes::Set(_) | Takes::Apart(_) => None,
            Takes::Members(of) => score::of_members(beside, of, seed),
            Takes::Beside(take) => take(beside),
            Takes::Scores(take) => take(&report.metrics),
        };
        if let Some(score) = score {
            report.metrics.insert(metric.name.to_owned(), score);
        }
    }
    report
}

/// Tokens that would have gone through the subject, had every metric that is taken of rows made its own passes. Metrics
/// of greedy answers count as one, and those of sampled ones; what is taken of other metrics counts as nothing.
#[must_use]
pub fn separate_tokens(metrics: &[&Metric], sets: &[EvalSet], looked: &Looked) -> Spent {
    let mut sum = Spent::default();
    for (set, (_, seen)) in sets.iter().zip(&looked.sets) {
        let taken = |metric: &&&Metric| match metric.takes {
            Takes::Rows(_) | Takes::Set(_) => set.wants(metric.name),
            Takes::Members(_) => matches!(set.name.as_str(), "forget" | "holdout"),
            Takes::Apart(_) | Takes::Beside(_) | Takes::Scores(_) => false,
        };
        let wanted: Vec<Needs> = metrics.iter().filter(taken).map(|metric| metric.needs).collect();
        let all = wanted.iter().fold(Needs::NONE, |all, &needs| all.or(needs));
        let (alone, one) = (seen.alone, |wanted: bool, tokens: u64| if wanted { tokens } else { 0 });
        for needs in wanted {
            sum.likelihoods += one(needs.answer, alone.answer)
                + one(needs.paraphrased, alone.paraphrased)
                + one(needs.perturbed, alone.perturbed)
                + one(needs.choices, alone.choices);
            sum.gradients += one(needs.gradients, alone.gradients);
        }
        sum.generations += one(all.generations, alone.generations);
        sum.samples += one(all.samples, alone.samples);
    }
    sum
}

/// What a subject answered.
#[must_use]
pub fn answers(looked: &Looked) -> Vec<Answer> {
    looked.sets.iter().flat_map(|(set, seen)| said(set, seen)).collect()
}

fn said(set: &str, seen: &Observations) -> Vec<Answer> {
    let pairs = seen.rows.iter().zip(&seen.generations).enumerate();
    let answer = |(index, (row, said)): (usize, (&Row, &Option<String>))| {
        Some(Answer {
            set: set.to_owned(),
            index,
            question: row.prompt_text(),
            answer: row.answer_text()?.to_owned(),
            generation: said.clone()?,
        })
    };
    pairs.filter_map(answer).collect()
}
