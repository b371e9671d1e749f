//! Questions with every subject's answer, matched across subjects.

use std::collections::BTreeMap;

use unlearn_core::score::Answer;

use crate::comparison::Comparison;
use crate::scope;

/// One question and what every subject said.
#[derive(Debug, Clone, PartialEq)]
pub struct Question<'a> {
    /// The row's place in its set, from 0.
    pub index: usize,
    /// What was asked.
    pub question: &'a str,
    /// What the data says.
    pub expected: &'a str,
    /// One answer a subject, in the order of the columns.
    pub generations: Vec<Option<&'a str>>,
}

/// The questions that are shown of one set.
#[derive(Debug, Clone, PartialEq)]
pub struct QuestionSet<'a> {
    /// The set.
    pub set: &'a str,
    /// How many questions there are.
    pub total: usize,
    /// Those that are shown, evenly spread.
    pub questions: Vec<Question<'a>>,
}

/// Up to `limit` questions of each set, evenly spread over its rows, so that nobody chose them.
pub fn question_sets(comparison: &Comparison, limit: usize) -> Vec<QuestionSet<'_>> {
    let subjects = comparison.subjects.len();
    let mut rows: BTreeMap<(_, usize, &str, &str), Vec<Option<&str>>> = BTreeMap::new();
    for (column, subject) in comparison.subjects.iter().enumerate() {
        for answer in &subject.answers {
            rows.entry(key(answer)).or_insert_with(|| vec![None; subjects])[column] = Some(&answer.generation);
        }
    }
    let mut sets: Vec<QuestionSet> = Vec::new();
    for (((_, set), index, question, expected), generations) in rows {
        if sets.last().is_none_or(|s| s.set != set) {
            sets.push(QuestionSet { set, total: 0, questions: Vec::new() });
        }
        if let Some(last) = sets.last_mut() {
            last.questions.push(Question { index, question, expected, generations });
        }
    }
    for set in &mut sets {
        set.total = set.questions.len();
        set.questions = spread(std::mem::take(&mut set.questions), limit);
    }
    sets.retain(|s| !s.questions.is_empty());
    sets
}

fn key(answer: &Answer) -> ((usize, &str), usize, &str, &str) {
    (scope::order(&answer.set), answer.index, &answer.question, &answer.answer)
}

fn spread<T>(items: Vec<T>, limit: usize) -> Vec<T> {
    let total = items.len();
    if total <= limit {
        return items;
    }
    let mut wanted = (0..limit).map(|i| i * total / limit).peekable();
    let mut keep = |i: usize| wanted.next_if_eq(&i).is_some();
    items.into_iter().enumerate().filter(|(i, _)| keep(*i)).map(|(_, item)| item).collect()
}

#[cfg(test)]
mod tests {
    use super::spread;

    #[test]
    fn questions_are_spread_evenly() {
        assert_eq!(spread((0..10).collect(), 3), [0, 3, 6]);
        assert_eq!(spread((0..2).collect(), 3), [0, 1]);
        assert!(spread(vec![1, 2], 0).is_empty());
    }
}
