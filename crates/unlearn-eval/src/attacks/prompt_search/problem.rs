//! A model with the goals of one search.

use serde::{Deserialize, Serialize};
use unlearn_data::Tokenizer;
use unlearn_engine::LanguageModel;
use unlearn_engine::prompt::{Losses, Slotted, cost, losses};

use super::Goal;
use crate::EvalError;

/// Which tokens and prompts a search may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Words {
    /// Only tokens that are printable ASCII text by themselves.
    pub ascii: bool,
    /// Only prompts whose text becomes the same tokens again.
    pub reversible: bool,
}

impl Default for Words {
    fn default() -> Self {
        Self { ascii: true, reversible: true }
    }
}

/// A model with the goals of one search, whose free places are filled alike.
#[derive(Debug, Clone)]
pub struct Problem<'a> {
    pub(super) model: &'a LanguageModel,
    pub(super) rows: Vec<Slotted>,
    /// Tokens that may be put, in order.
    pub(super) allowed: Vec<u32>,
    /// Puts prompts to the test of [`Words::reversible`].
    check: Option<&'a Tokenizer>,
    pass_tokens: usize,
}

impl<'a> Problem<'a> {
    /// A search for what to put at `count` free places of all goals. `pass_tokens` bounds the tokens in one pass.
    ///
    /// # Errors
    /// When there is no goal or place, a row is longer than the model's context, no token is left to choose from, or the
    /// model has no tokenizer and one is needed.
    pub fn new(
        model: &'a LanguageModel,
        goals: &[Goal],
        count: usize,
        words: Words,
        pass_tokens: usize,
    ) -> Result<Self, EvalError> {
        if goals.is_empty() {
            return Err(EvalError::attack("goals", 0, "there is nothing to search a prompt for"));
        }
        if count == 0 {
            return Err(EvalError::attack("init", "", "a prompt has at least one token"));
        }
        let tokenizer = if words.ascii || words.reversible { Some(model.need_tokenizer()?) } else { None };
        let rows = goals.iter().map(|g| g.slotted(model, count)).collect::<Result<Vec<_>, _>>()?;
        let hidden: Vec<u32> = goals.iter().filter_map(|g| g.hidden).collect();
        let printable = |id: u32| -> Result<bool, EvalError> {
            let Some(tokenizer) = tokenizer.filter(|_| words.ascii) else { return Ok(true) };
            let text = tokenizer.decode(&[id])?;
            Ok(!text.is_empty() && text.chars().all(|c| (' '..='~').contains(&c)))
        };
        let known = tokenizer.map_or(usize::MAX, Tokenizer::vocabulary).min(model.decoder.config().vocab_size);
        let mut allowed = Vec::new();
        for id in (0..known as u32).filter(|id| !hidden.contains(id)) {
            if printable(id)? {
                allowed.push(id);
            }
        }
        if allowed.is_empty() {
            return Err(EvalError::attack("ascii", words.ascii, "no token of the vocabulary may be put"));
        }
        Ok(Self { model, rows, allowed, check: tokenizer.filter(|_| words.reversible), pass_tokens })
    }

    /// Tokens that went through the model before anything was asked.
    pub(super) fn begun_tokens(&self) -> usize {
        self.rows.iter().map(Slotted::begun_tokens).sum()
    }

    /// The first of `fillings` that are new, not `current`, and pass the test.
    pub(super) fn kept(&self, current: &[u32], fillings: Vec<Vec<u32>>) -> Result<Vec<Vec<u32>>, EvalError> {
        let mut kept: Vec<Vec<u32>> = Vec::with_capacity(fillings.len());
        let mut seen = std::collections::BTreeSet::from([current.to_vec()]);
        for filling in fillings {
            let back = match self.check {
                Some(tokenizer) => tokenizer.encode(&tokenizer.decode(&filling)?, false)? == filling,
                None => true,
            };
            if back && seen.insert(filling.clone()) {
                kept.push(filling);
            }
        }
        Ok(kept)
    }

    /// Forward tokens that [`Self::losses`] takes.
    pub(super) fn cost(&self, stem: &[u32], fillings: &[Vec<u32>]) -> usize {
        self.rows.iter().map(|row| cost(self.model, row, stem, fillings)).sum()
    }

    /// The mean over the rows of each filling's loss, and whether all rows are answered.
    ///
    /// # Errors
    /// When a loss is not a number.
    pub(super) fn losses(&self, stem: &[u32], fillings: &[Vec<u32>]) -> Result<Losses, EvalError> {
        let (n, rows) = (fillings.len(), self.rows.len() as f64);
        let mut all = Losses { losses: vec![0.0; n], greedy: vec![true; n], forward_tokens: 0 };
        for (number, row) in self.rows.iter().enumerate() {
            let found = losses(self.model, row, stem, fillings, self.pass_tokens);
            if found.losses.iter().any(|l| !l.is_finite()) {
                return Err(EvalError::NotFinite { set: "prompt".into(), row: number + 1 });
            }
            all.losses.iter_mut().zip(&found.losses).for_each(|(sum, loss)| *sum += loss / rows);
            all.greedy.iter_mut().zip(&found.greedy).for_each(|(all, greedy)| *all &= greedy);
            all.forward_tokens += found.forward_tokens;
        }
        Ok(all)
    }
}

/// The tokens that a search begins with, as many as it has free places.
///
/// # Errors
/// When the model has no tokenizer, or the text has no tokens.
pub(super) fn begin(model: &LanguageModel, init: &str) -> Result<Vec<u32>, EvalError> {
    let ids = model.need_tokenizer()?.encode(init, false)?;
    if ids.is_empty() {
        return Err(EvalError::attack("init", format!("\"{init}\""), "it has no tokens"));
    }
    Ok(ids)
}
