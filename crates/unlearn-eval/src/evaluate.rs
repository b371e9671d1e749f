//! Examining a subject: every set observed once, every metric taken.

use unlearn_core::recipe::EvalSection;
use unlearn_core::score::{Answer, EvalReport, Score, Subject};
use unlearn_data::{Encoder, Row};
use unlearn_engine::LanguageModel;
use unlearn_stats::bootstrap::mean_interval;

use crate::metrics::{self, Metric};
use crate::observation::Effort;
use crate::{EvalError, Needs, Observations, observe};

/// A set under its name: `forget`, `retain`, `neighbour`, `holdout`, …
#[derive(Debug, Clone)]
pub struct EvalSet {
    /// Its name.
    pub name: String,
    /// Its rows.
    pub rows: Vec<Row>,
}

/// What an evaluation leaves.
#[derive(Debug, Clone)]
pub struct Evaluation {
    /// The scores.
    pub report: EvalReport,
    /// What was answered.
    pub answers: Vec<Answer>,
}

/// How far an evaluation is.
#[derive(Debug, Clone, Copy)]
pub struct Progress<'a> {
    /// The set that is looked at.
    pub set: &'a str,
    /// Observations made, of all sets.
    pub done: usize,
    /// Observations to be made.
    pub total: usize,
}

/// Tokens in one scoring pass.
pub(crate) const TOKENS_AT_ONCE: usize = 2048;

/// At most `limit` rows, evenly spread over the set; all when 0.
#[must_use]
pub fn selected(rows: &[Row], limit: usize) -> Vec<Row> {
    let n = if limit == 0 { rows.len() } else { limit.min(rows.len()) };
    (0..n).map(|i| rows[i * rows.len() / n].clone()).collect()
}

/// Takes the recipe's metrics of a subject on every set.
///
/// # Errors
/// When a metric is unknown, a row does not fit the subject, or its answers are not numbers.
pub fn evaluate(
    model: &LanguageModel,
    encoder: &Encoder,
    subject: Subject,
    sets: &[EvalSet],
    section: &EvalSection,
    seed: u64,
    tell: &mut dyn FnMut(Progress<'_>),
) -> Result<Evaluation, EvalError> {
    let metrics = metrics::by_name(&section.metrics)?;
    let needs = metrics.iter().fold(Needs::default(), |n, m| n.or(m.needs));
    let passes = usize::from(needs.log_probs) + usize::from(needs.generations);
    let effort =
        Effort { tokens: TOKENS_AT_ONCE, batch_size: section.batch_size, max_new_tokens: section.max_new_tokens };
    let chosen: Vec<Vec<Row>> = sets.iter().map(|s| selected(&s.rows, section.rows)).collect();
    let total = chosen.iter().map(Vec::len).sum::<usize>() * passes;
    let mut report = EvalReport::new(subject);
    let mut answers = Vec::new();
    let mut before = 0;
    for (set, rows) in sets.iter().zip(&chosen) {
        let mut done = |n: usize| tell(Progress { set: &set.name, done: before + n, total });
        let seen = observe(model, encoder, &set.name, rows, needs, effort, &mut done)?;
        before += rows.len() * passes;
        for metric in &metrics {
            report.metrics.insert(format!("{}/{}", set.name, metric.name), score(metric, &set.name, &seen, seed));
        }
        answers.extend(said(&set.name, &seen));
    }
    Ok(Evaluation { report, answers })
}

fn score(metric: &Metric, set: &str, seen: &Observations, seed: u64) -> Score {
    let per_item = (metric.score)(seen);
    let known: Vec<f64> = per_item.iter().flatten().copied().collect();
    let n = known.len();
    Score {
        value: (n > 0).then(|| known.iter().sum::<f64>() / n as f64),
        interval: mean_interval(&known, seed),
        n,
        direction: metrics::direction(set),
        per_item,
    }
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
