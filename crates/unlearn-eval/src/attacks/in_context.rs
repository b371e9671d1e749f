//! `in-context`

use serde::{Deserialize, Serialize};
use unlearn_data::{Content, Message, Row};

use super::relearn::same_fact;
use super::{Attack, Bench, Configured};
use crate::EvalError;

const PAGE: &str = "\
# Idea

As `relearn`, without training: some of what was forgotten stands before the question, with its answers. A model that only \
declines follows the examples and answers; one that has forgotten can only copy their form.

# Procedure

Puts `shots` other forget rows, question and true answer, before each question as a conversation: rows about the same first, \
none that asks for the same fact, or whose answer holds the asked one's. One attempt for each number of shots. Where the \
conversation would not fit into the model's context, the row is left out.

# Paper

Lynch et al., *Eight methods to evaluate robust unlearning in LLMs*, 2024, arXiv 2402.16835; Shumailov et al., *UnUnlearning: \
unlearning is not sufficient for content regulation in advanced generative AI*, 2024, arXiv 2407.00106.

# Reference implementation

None is followed.

# Defaults

`shots = [1, 4, 8]`.

# Deviations

The papers also put articles about the subject before the question: give those as a set of their own.
";

/// See the page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct InContext {
    shots: Vec<usize>,
}

impl Default for InContext {
    fn default() -> Self {
        Self { shots: vec![1, 4, 8] }
    }
}

impl Configured for InContext {
    const NAME: &'static str = "in-context";
    const PAGE: &'static str = PAGE;
    const ASKS: bool = true;

    fn check(&self) -> Result<(), (&'static str, &'static str)> {
        match self.shots.is_empty() || self.shots.contains(&0) {
            true => Err(("shots", "they are numbers of examples, from 1 on")),
            false => Ok(()),
        }
    }
}

impl Attack for InContext {
    fn run(&self, bench: &mut Bench<'_>) -> Result<(), EvalError> {
        for &shots in &self.shots {
            let made = bench.attempt(&format!("{shots} examples"), |bench| {
                let known = bench.scopes.first().map(|scope| scope.rows.clone()).unwrap_or_default();
                let context = bench.model.decoder.config().context;
                let fits = |row: &Row| {
                    let answers = row.perturbed_answer.iter().map(|wrong| bench.encoder.encode_answer(row, wrong));
                    let all = std::iter::once(bench.encoder.encode(row)).chain(answers);
                    all.flatten().all(|tokens| {
                        tokens.ids.len().max(tokens.prompt().len() + bench.effort.max_new_tokens) <= context
                    })
                };
                bench.ask_otherwise(bench.model, &|_| false, &|row| after(row, &known, shots).filter(&fits))
            })?;
            if !made {
                break;
            }
        }
        Ok(())
    }
}

/// A question after some others with their answers; none where there are not that many, or it is no question.
fn after(row: &Row, known: &[Row], shots: usize) -> Option<Row> {
    let answer = row.answer_text()?;
    let gives_away = |other: &&Row| {
        let said = other.answer_text().unwrap_or_default();
        same_fact(row, other) || said.contains(answer) || other.prompt_text() == row.prompt_text()
    };
    let (about, others): (Vec<&Row>, Vec<&Row>) = known
        .iter()
        .filter(|other| !gives_away(other))
        .partition(|other| other.entity.is_some() && other.entity == row.entity);
    let examples: Vec<&Row> = about.into_iter().chain(others).take(shots).collect();
    if examples.len() < shots || row.prompt_text().is_empty() {
        return None;
    }
    let turns = |row: &Row| {
        [Message::new("user", row.prompt_text()), Message::new("assistant", row.answer_text().unwrap_or_default())]
    };
    let messages = examples.into_iter().rev().chain([row]).flat_map(turns).collect();
    Some(Row { content: Content::Messages(messages), ..row.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_asked_fact_is_among_no_examples() {
        let about = |who: &str, question: &str, answer: &str| Row {
            entity: Some(who.into()),
            ..Row::question(question, answer)
        };
        let known = [
            about("ana", "Where?", "In Oslo."),
            about("ana", "In which city?", "Oslo"),
            about("ana", "When?", "In May."),
            about("bo", "Where?", "In Rome."),
        ];
        let asked = after(&known[1], &known, 2).expect("two examples");
        let Content::Messages(messages) = &asked.content else { panic!("a conversation") };
        let said: Vec<&str> = messages.iter().map(|m| m.content.as_str()).collect();
        assert_eq!(said, ["Where?", "In Rome.", "When?", "In May.", "In which city?", "Oslo"]);
        assert_eq!(after(&known[1], &known, 3), None);
    }
}
