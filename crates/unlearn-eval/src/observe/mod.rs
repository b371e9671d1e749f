//! Looking at a subject: each observation is made once per subject and set, and kept.

mod behind;
mod generations;
mod gradients;
mod inside;
mod likelihoods;
mod looked;
mod samples;
mod store;
mod together;

use unlearn_data::{DataError, Encoder, Guard, Row, TokenRow};
use unlearn_engine::LanguageModel;

use crate::{EvalError, EvalSet, Needs, Observations};

pub use looked::{Beside, Looked, Shadow};
pub use store::Store;

/// A subject, and how it is looked at.
#[derive(Debug)]
pub struct Observer<'a> {
    /// The subject.
    pub model: &'a LanguageModel,
    /// What stands before it: then it is seen as a user sees it. Without, as one who holds the weights does.
    pub guard: Option<&'a Guard>,
    /// How rows become tokens.
    pub encoder: &'a Encoder,
    /// What tells this subject from every other: digests of its weights and of the files around them.
    pub digest: String,
    /// Where observations are kept.
    pub store: Store,
    /// How much is done at once, and how long an answer may get.
    pub effort: Effort,
}

/// How much is done at once, and how long an answer may get.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Effort {
    /// Tokens in one scoring pass.
    pub tokens: usize,
    /// Rows in one generation.
    pub batch_size: usize,
    /// Longest answer.
    pub max_new_tokens: usize,
    /// Answers that are sampled to each question.
    pub samples: usize,
    /// The temperature of sampling.
    pub temperature: f64,
    /// The seed of sampling.
    pub seed: u64,
}

/// Tokens in one scoring pass.
const TOKENS_AT_ONCE: usize = 2048;

impl Default for Effort {
    fn default() -> Self {
        Self { tokens: TOKENS_AT_ONCE, batch_size: 16, max_new_tokens: 0, samples: 16, temperature: 1.0, seed: 0 }
    }
}

impl Observer<'_> {
    /// Looks at the subject once for all that `needs` asks of a set. `done` is told how many of the rows' observations
    /// are finished, of [`steps`] for each row.
    ///
    /// # Errors
    /// When a row does not fit the subject, or its answers are not numbers.
    pub fn observe(&self, set: &EvalSet, needs: Needs, done: &mut dyn FnMut(usize)) -> Result<Observations, EvalError> {
        let n = set.rows.len();
        let mut seen = Observations { rows: set.rows.clone(), ..Observations::default() };
        let mut before = 0;
        if needs.likelihoods() && needs.generations {
            let (known, said) = self.likelihoods_and_generations(set, needs, done)?;
            (seen.likelihoods, seen.spent.likelihoods, seen.alone) = known;
            (seen.generations, seen.spent.generations, seen.alone.generations) = said;
            before = 2 * n;
        } else if needs.likelihoods() {
            (seen.likelihoods, seen.spent.likelihoods, seen.alone) = self.likelihoods(set, needs, done)?;
            before = n;
        } else if needs.generations {
            let said = self.generations(set, done)?;
            (seen.generations, seen.spent.generations, seen.alone.generations) = said;
            before = n;
        }
        if needs.gradients {
            let (found, tokens) = self.gradients(set, &mut |k| done(before + k))?;
            (seen.gradient_norms, seen.alone.gradients, before) = (found, tokens, before + n);
            seen.spent.gradients = tokens;
        }
        if needs.samples {
            let (found, tokens, alone) = self.samples(set, &mut |k| done(before + k))?;
            (seen.samples, seen.alone.samples, before) = (found, alone, before + n);
            seen.spent.samples = tokens;
        }
        if needs.inside {
            let (found, tokens) = self.inside(set)?;
            seen.inside = found;
            seen.spent.inside = tokens;
            done(before + n);
        }
        if let Some(guard) = self.guard {
            behind::keep_back(guard, &mut seen);
        }
        Ok(seen)
    }

    /// A row's tokens; `None` where it has nothing to be predicted.
    fn encode(&self, row: &Row) -> Result<Option<TokenRow>, EvalError> {
        missing(self.encoder.encode(row))
    }

    fn encode_answer(&self, row: &Row, answer: &str) -> Result<Option<TokenRow>, EvalError> {
        missing(self.encoder.encode_answer(row, answer))
    }
}

fn missing(encoded: Result<TokenRow, DataError>) -> Result<Option<TokenRow>, EvalError> {
    match encoded {
        Ok(row) => Ok(Some(row)),
        Err(DataError::NoAnswer { .. }) => Ok(None),
        Err(e) => Err(e.into()),
    }
}

/// Observations that are made of each row for `needs`.
#[must_use]
pub fn steps(needs: Needs) -> usize {
    [needs.likelihoods(), needs.generations, needs.gradients, needs.samples, needs.inside]
        .iter()
        .filter(|wanted| **wanted)
        .count()
}
