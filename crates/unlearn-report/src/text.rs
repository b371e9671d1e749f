//! The same tables for the terminal.

use unlearn_core::score::{Direction, Score};

use crate::answers::{self, Question};
use crate::comparison::Comparison;
use crate::scores::{self, Part, ScoreRow};
use crate::visible::{one_line, one_line_cut};

/// In the terminal, no answer is longer than this.
const MAX_ANSWER: usize = 300;

/// The main scores as aligned columns, without colour, and how many more there are.
pub fn score_table_text(comparison: &Comparison) -> String {
    let count = |part| scores::groups(comparison, part).iter().map(|g| g.rows.len()).sum::<usize>();
    let (part, more) = match (count(Part::Main), count(Part::Others)) {
        (0, _) => (Part::All, 0),
        (_, more) => (Part::Main, more),
    };
    let rest = match more {
        0 => String::new(),
        1 => "1 more metric is in `eval.json`\n".into(),
        n => format!("{n} more metrics are in `eval.json`\n"),
    };
    let mut rows = vec![heading(comparison)];
    rows.extend(body(comparison, part));
    let columns = rows[0].len();
    let width = |c: usize| rows.iter().map(|r| r[c].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let aligned = |row: &Vec<String>| {
        let cells = row
            .iter()
            .zip(&widths)
            .enumerate()
            .map(|(c, (cell, &w))| if is_number(c) { format!("{cell:>w$}") } else { format!("{cell:<w$}") });
        let line = cells.collect::<Vec<_>>().join("  ");
        line.trim_end().to_owned() + "\n"
    };
    rows.iter().map(aligned).collect::<String>() + &rest
}

/// Up to `n` questions of each set, evenly spread, with what was expected and what every subject answered.
pub fn samples_text(comparison: &Comparison, n: usize) -> String {
    let names: Vec<String> = comparison.subjects.iter().map(|s| one_line(&s.name)).collect();
    let width = names.iter().map(|n| n.chars().count()).chain(["expected".len()]).max().unwrap_or(0);
    let mut blocks = Vec::new();
    for set in answers::question_sets(comparison, n) {
        blocks.extend(set.questions.iter().map(|question| sample(set.set, question, &names, width)));
    }
    blocks.join("\n")
}

fn sample(set: &str, question: &Question, names: &[String], width: usize) -> String {
    let mut text = format!(
        "{}, question {}: {}\n",
        one_line(set),
        question.index + 1,
        one_line_cut(question.question, MAX_ANSWER)
    );
    let mut answer =
        |name: &str, said: &str| text += &format!("  {name:<width$}  {}\n", one_line_cut(said, MAX_ANSWER));
    answer("expected", question.expected);
    for (name, generation) in names.iter().zip(&question.generations) {
        if let Some(said) = generation {
            answer(name, if said.trim().is_empty() { "(nothing)" } else { said });
        }
    }
    text
}

pub(crate) fn is_number(column: usize) -> bool {
    column > 1
}

pub(crate) fn heading(comparison: &Comparison) -> Vec<String> {
    let fixed = ["metric", "better", "items"].map(str::to_owned);
    fixed.into_iter().chain(comparison.subjects.iter().map(|s| one_line(&s.name))).collect()
}

fn body(comparison: &Comparison, part: Part) -> impl Iterator<Item = Vec<String>> {
    scores::groups(comparison, part).into_iter().flat_map(|group| group.rows).map(|row| cells(&row))
}

pub(crate) fn cells(row: &ScoreRow) -> Vec<String> {
    let fixed = [one_line(row.metric), better(row.direction).to_owned(), row.items()];
    fixed.into_iter().chain(row.scores.iter().map(|score| cell(*score))).collect()
}

/// Which way is better, in a word or two.
pub(crate) fn better(direction: Direction) -> &'static str {
    match direction {
        Direction::Lower => "lower",
        Direction::Higher => "higher",
        Direction::Neither => "as retrained",
    }
}

fn cell(score: Option<&Score>) -> String {
    match scores::interval(score) {
        Some(interval) => format!("{} ({interval})", scores::value(score)),
        None => scores::value(score),
    }
}
