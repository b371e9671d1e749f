//! The answers that might come to a question, the true one and wrong ones, and whether a text says them.

use std::collections::BTreeSet;

use unlearn_core::attack::Heard;
use unlearn_data::Row;

use crate::observation::{Likelihoods, Tokens};

/// Of an answer's own words, the share that says it.
const SAYS: f64 = 0.8;
/// Wrong answers that a row gets of other rows, where it has none.
const WRONG: usize = 5;

/// The answers that might come to one question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidates {
    /// Each answer's own words, the true one's first: those that stand neither in the question nor in all answers.
    own: Vec<BTreeSet<String>>,
}

impl Candidates {
    /// Of a row; none where the true answer or all wrong ones have no word of their own.
    #[must_use]
    pub fn of(row: &Row) -> Option<Self> {
        let truth = words(row.answer_text()?);
        let all: Vec<BTreeSet<String>> =
            std::iter::once(truth).chain(row.perturbed_answer.iter().map(|wrong| words(wrong))).collect();
        let asked = words(&row.prompt_text());
        let common = all.iter().skip(1).fold(all[0].clone(), |common, answer| &common & answer);
        let own: Vec<BTreeSet<String>> = all.iter().map(|answer| &(answer - &common) - &asked).collect();
        (own.len() > 1 && own.iter().all(|words| !words.is_empty())).then_some(Self { own })
    }

    /// Which of them a text says.
    #[must_use]
    pub fn heard(&self, text: &str) -> Heard {
        let said = words(text);
        let mut says = self.own.iter().map(|own| {
            let there = own.iter().filter(|word| said.contains(*word)).count();
            there as f64 >= SAYS * own.len() as f64
        });
        Heard { truth: says.next().unwrap_or_default(), wrong: says.collect() }
    }

    /// Which of them has the largest value, the true one's first; none where a value is missing.
    #[must_use]
    pub fn preferred(values: &[Option<f64>]) -> Option<Heard> {
        let known: Vec<f64> = values.iter().copied().collect::<Option<_>>()?;
        let top = known.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        // What no value tells apart is preferred to nothing.
        let alone = known.iter().filter(|v| **v == top).count() == 1;
        let mut is_top = known.iter().map(|v| alone && *v == top);
        let truth = is_top.next()?;
        Some(Heard { truth, wrong: is_top.collect() })
    }
}

/// Which answer a subject prefers, by its mean log-probability.
pub(super) fn preferred(seen: &Likelihoods) -> Option<Heard> {
    let mean = |tokens: &Option<Tokens>| tokens.as_ref().and_then(Tokens::mean);
    let values: Vec<Option<f64>> = std::iter::once(mean(&seen.answer)).chain(seen.perturbed.iter().map(mean)).collect();
    if values.len() < 2 { None } else { Candidates::preferred(&values) }
}

/// The words of a text: lower-case runs of letters and digits.
fn words(text: &str) -> BTreeSet<String> {
    let lower = text.to_lowercase();
    lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// Rows with wrong answers: those that have none get the answers to other rows, which are about others where that is
/// told.
#[must_use]
pub fn with_wrong_answers(rows: &[Row]) -> Vec<Row> {
    let others = |i: usize| {
        let row = &rows[i];
        let mut answers: Vec<String> = Vec::new();
        for step in 1..rows.len() {
            // Far apart, for rows beside each other are often alike.
            let other = &rows[(i + step * (rows.len() / (WRONG + 1)).max(1)) % rows.len()];
            let foreign = row.entity.is_none() || other.entity != row.entity;
            let Some(answer) = other.answer_text().filter(|a| foreign && Some(*a) != row.answer_text()) else {
                continue;
            };
            if !answers.iter().any(|a| a == answer) {
                answers.push(answer.to_owned());
            }
            if answers.len() == WRONG {
                break;
            }
        }
        answers
    };
    let filled = |(i, row): (usize, &Row)| match row.perturbed_answer.is_empty() {
        true => Row { perturbed_answer: others(i), ..row.clone() },
        false => row.clone(),
    };
    rows.iter().enumerate().map(filled).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(question: &str, answer: &str, wrong: &[&str]) -> Row {
        let perturbed_answer = wrong.iter().map(|w| (*w).to_owned()).collect();
        Row { perturbed_answer, ..Row::question(question, answer) }
    }

    #[test]
    fn only_an_answers_own_words_say_it() {
        let row = row("Where was Ana born?", "Ana was born in Port Vale.", &["Ana was born in Rome.", "In Old Vale."]);
        let candidates = Candidates::of(&row).expect("answers");
        let heard = |text: &str| {
            let h = candidates.heard(text);
            (h.truth, h.wrong)
        };
        assert_eq!(heard("Ana was born in"), (false, vec![false, false]));
        assert_eq!(heard("in PORT vale, I think"), (true, vec![false, false]));
        assert_eq!(heard("Rome, or Port Vale"), (true, vec![true, false]));
        assert_eq!(heard("Old Vale"), (false, vec![false, true]));
    }

    #[test]
    fn a_row_that_cannot_be_heard_is_none() {
        assert_eq!(Candidates::of(&row("Is it Rome?", "Rome", &["Paris"])), None, "the question says it");
        assert_eq!(Candidates::of(&row("Where?", "Rome", &[])), None);
        assert_eq!(Candidates::of(&row("Where?", "Rome", &["in Rome"])), None, "nothing of its own");
    }

    #[test]
    fn the_largest_alone_is_preferred() {
        let heard = |values: &[Option<f64>]| Candidates::preferred(values).map(|h| (h.truth, h.wrong));
        assert_eq!(heard(&[Some(-1.0), Some(-2.0)]), Some((true, vec![false])));
        assert_eq!(heard(&[Some(-3.0), Some(-2.0), Some(-4.0)]), Some((false, vec![true, false])));
        assert_eq!(heard(&[Some(-2.0), Some(-2.0)]), Some((false, vec![false])));
        assert_eq!(heard(&[Some(-2.0), None]), None);
    }

    #[test]
    fn wrong_answers_come_from_rows_about_others() {
        let about = |i: usize| Row { entity: Some(format!("{}", i / 2)), ..row("?", &format!("answer {i}"), &[]) };
        let rows: Vec<Row> = (0..12).map(about).collect();
        for (i, filled) in with_wrong_answers(&rows).iter().enumerate() {
            assert_eq!(filled.perturbed_answer.len(), WRONG);
            let own = [format!("answer {}", i / 2 * 2), format!("answer {}", i / 2 * 2 + 1)];
            assert!(filled.perturbed_answer.iter().all(|a| !own.contains(a)), "{:?}", filled.perturbed_answer);
        }
    }
}
