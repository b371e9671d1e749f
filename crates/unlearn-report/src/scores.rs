//! The score table, before it becomes text, Markdown or HTML.

use unlearn_core::score::{Direction, Score};

use crate::comparison::Comparison;
use crate::{measure, number};

/// The scores of one set, one metric a row.
#[derive(Debug, Clone, PartialEq)]
pub struct ScoreGroup<'a> {
    /// The set; empty for scores of the whole model.
    pub set: &'a str,
    /// The rows.
    pub rows: Vec<ScoreRow<'a>>,
}

/// One metric of every subject.
#[derive(Debug, Clone, PartialEq)]
pub struct ScoreRow<'a> {
    /// The metric's name.
    pub metric: &'a str,
    /// Which way is better.
    pub direction: Direction,
    /// One score a subject, in the order of the columns.
    pub scores: Vec<Option<&'a Score>>,
}

/// Which metrics a table has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Those that say most.
    Main,
    /// The others.
    Others,
    /// All of them.
    All,
}

impl Part {
    fn has(self, metric: &str) -> bool {
        self == Self::All || measure::is_main(metric) == (self == Self::Main)
    }
}

/// The table's rows, set by set.
pub fn groups(comparison: &Comparison, part: Part) -> Vec<ScoreGroup<'_>> {
    let mut groups: Vec<ScoreGroup> = Vec::new();
    for metric in comparison.metrics().into_iter().filter(|m| part.has(m)) {
        let (set, _) = measure::split(metric);
        let row = ScoreRow::new(comparison, metric);
        match groups.last_mut() {
            Some(group) if group.set == set => group.rows.push(row),
            _ => groups.push(ScoreGroup { set, rows: vec![row] }),
        }
    }
    groups
}

impl<'a> ScoreRow<'a> {
    fn new(comparison: &'a Comparison, metric: &'a str) -> Self {
        let scores: Vec<_> =
            comparison.subjects.iter().map(|s| s.eval.as_ref().and_then(|e| e.metrics.get(metric))).collect();
        let direction = scores.iter().flatten().next().map_or(Direction::Neither, |s| s.direction);
        Self { metric, direction, scores }
    }

    /// How many items the scores were taken of; a range where the subjects differ.
    pub fn items(&self) -> String {
        let counts = || self.scores.iter().flatten().map(|s| s.n as u64);
        match (counts().min(), counts().max()) {
            (Some(low), Some(high)) if low < high => format!("{}–{}", number::count(low), number::count(high)),
            (_, Some(n)) => number::count(n),
            _ => number::MISSING.into(),
        }
    }
}

/// The score's value as text.
pub fn value(score: Option<&Score>) -> String {
    score.and_then(|s| s.value).map_or_else(|| number::MISSING.into(), number::score)
}

/// The score's interval as text, if it has one.
pub fn interval(score: Option<&Score>) -> Option<String> {
    score.filter(|s| s.value.is_some())?.interval.map(number::interval)
}

/// Which way is better, in words.
pub fn direction_words(direction: Direction) -> &'static str {
    match direction {
        Direction::Lower => "lower is better",
        Direction::Higher => "higher is better",
        Direction::Neither => "as the retrained model",
    }
}

/// Which way is better, as a sign.
pub fn direction_sign(direction: Direction) -> &'static str {
    match direction {
        Direction::Lower => "↓",
        Direction::Higher => "↑",
        Direction::Neither => "≈",
    }
}
