//! Observations: what was seen of a subject on a set.

use unlearn_data::{Encoder, Row, TokenRow};
use unlearn_engine::LanguageModel;
use unlearn_engine::batch::Which;
use unlearn_engine::generate::{Generation, Options, generate};
use unlearn_engine::likelihood::score_rows;

use crate::EvalError;

/// What a metric wants to have seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Needs {
    /// Log-probabilities of the answers' tokens.
    pub log_probs: bool,
    /// Greedy answers.
    pub generations: bool,
}

impl Needs {
    /// What either wants.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self { log_probs: self.log_probs || other.log_probs, generations: self.generations || other.generations }
    }
}

/// What was seen of a subject on one set.
#[derive(Debug, Clone, Default)]
pub struct Observations {
    /// The rows that were asked.
    pub rows: Vec<Row>,
    /// Log-probability of each supervised token of each row; empty when it was not asked for.
    pub log_probs: Vec<Vec<f32>>,
    /// The greedy answer to each row; `None` for rows without a question in words. Empty when not asked for.
    pub generations: Vec<Option<String>>,
}

/// How much is done at once, and how long an answer may get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effort {
    /// Tokens in one scoring pass.
    pub tokens: usize,
    /// Rows in one generation.
    pub batch_size: usize,
    /// Longest answer.
    pub max_new_tokens: usize,
}

/// Looks at a subject once for all that `needs` asks. `done` is told how many of the rows' observations (one for
/// scoring, one for generating) are finished.
///
/// # Errors
/// When a row does not fit the subject, or its answers are not numbers.
pub fn observe(
    model: &LanguageModel,
    encoder: &Encoder,
    set: &str,
    rows: &[Row],
    needs: Needs,
    effort: Effort,
    done: &mut dyn FnMut(usize),
) -> Result<Observations, EvalError> {
    let tokens = rows.iter().map(|r| encoder.encode(r)).collect::<Result<Vec<TokenRow>, _>>()?;
    let mut seen = Observations { rows: rows.to_vec(), ..Observations::default() };
    let mut base = 0;
    if needs.log_probs {
        seen.log_probs = score_rows(model, &tokens, Which::Supervised, effort.tokens, &mut *done);
        if let Some(row) = seen.log_probs.iter().position(|s| s.iter().any(|x| !x.is_finite())) {
            return Err(EvalError::NotFinite { set: set.to_owned(), row: row + 1 });
        }
        base = rows.len();
    }
    if needs.generations {
        seen.generations = vec![None; rows.len()];
        let mut askable: Vec<usize> = (0..rows.len()).filter(|&i| rows[i].answer_text().is_some()).collect();
        // Prompts of like length go together: less padding, and answers of like length.
        askable.sort_by_key(|&i| tokens[i].prompt().len());
        let options = Options { max_new_tokens: effort.max_new_tokens, hidden: encoder.hidden, ..Options::default() };
        let mut finished = base + rows.len() - askable.len();
        for group in askable.chunks(effort.batch_size.max(1)) {
            let prompts: Vec<Vec<u32>> = group.iter().map(|&i| tokens[i].prompt().to_vec()).collect();
            let answers: Vec<Generation> = generate(model, &prompts, &options, |_, _| ())?;
            for (&i, answer) in group.iter().zip(answers) {
                seen.generations[i] = Some(answer.text.trim().to_owned());
            }
            finished += group.len();
            done(finished);
        }
    }
    Ok(seen)
}
