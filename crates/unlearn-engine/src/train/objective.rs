//! What an objective is.

use std::collections::BTreeMap;

use burn::tensor::Tensor;
use unlearn_data::{DataError, Tokenizer};

use super::{Micro, Needs, Set};
use crate::{DecoderConfig, EngineError, LanguageModel};

/// What the whole optimiser step holds of a set, whatever the micro-batches: a mean over the step is a sum over
/// micro-batches, divided by these.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Totals {
    /// Supervised tokens of each row.
    pub answers: Vec<usize>,
}

impl Totals {
    /// Supervised tokens.
    #[must_use]
    pub fn tokens(&self) -> f64 {
        self.answers.iter().sum::<usize>() as f64
    }

    /// Rows.
    #[must_use]
    pub fn rows(&self) -> f64 {
        self.answers.len() as f64
    }

    /// Supervised tokens without the first `n` of each row.
    #[must_use]
    pub fn tokens_after(&self, n: usize) -> f64 {
        self.answers.iter().map(|a| a.saturating_sub(n)).sum::<usize>() as f64
    }
}

/// Where the run stands, and what the step holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StepView {
    /// Steps taken before this one.
    pub step: usize,
    /// Steps in all.
    pub steps: usize,
    /// Optimiser steps in a pass over the forget set.
    pub per_epoch: usize,
    totals: BTreeMap<Set, Totals>,
}

impl StepView {
    /// A step that holds `totals`.
    #[must_use]
    pub fn new(step: usize, steps: usize, per_epoch: usize, totals: BTreeMap<Set, Totals>) -> Self {
        Self { step, steps, per_epoch, totals }
    }

    /// What it holds of a set.
    #[must_use]
    pub fn totals(&self, set: Set) -> Totals {
        self.totals.get(&set).cloned().unwrap_or_default()
    }
}

/// One additive term of the loss.
pub struct Term {
    /// Its name in the progress display and in `events.jsonl`.
    pub name: &'static str,
    /// This micro-batch's share of its value over the step: a tensor with one element.
    pub value: Tensor<1>,
    /// Its weight in the loss.
    pub weight: f64,
}

impl Term {
    /// A term.
    #[must_use]
    pub fn new(name: &'static str, value: Tensor<1>, weight: f64) -> Self {
        Self { name, value, weight }
    }
}

/// What an objective may look at before it is asked what it needs.
pub struct Setup<'a> {
    /// The policy's switches.
    pub config: &'a DecoderConfig,
    /// The policy's tokenizer, if it has one.
    pub tokenizer: Option<&'a Tokenizer>,
    /// The run's seed.
    pub seed: u64,
}

impl<'a> Setup<'a> {
    /// Of a model.
    #[must_use]
    pub fn of(model: &'a LanguageModel, seed: u64) -> Self {
        Self { config: model.decoder.config(), tokenizer: model.tokenizer.as_ref(), seed }
    }

    /// The tokens of a text, with those that a text of its own begins with where it `begins`; `None` where the model
    /// has no tokenizer.
    ///
    /// # Errors
    /// When the tokenizer fails.
    pub fn encode(&self, text: &str, begins: bool) -> Result<Option<Vec<u32>>, DataError> {
        self.tokenizer.map(|t| t.encode(text, begins)).transpose()
    }
}

/// A loss that is trained. Its terms must add up over the micro-batches of a step.
pub trait Objective: Send + Sync {
    /// Gets to know the model: fills in what depends on it.
    ///
    /// # Errors
    /// When the model does not fit.
    fn prepare(&mut self, _: &Setup<'_>) -> Result<(), EngineError> {
        Ok(())
    }

    /// What it wants to know.
    fn needs(&self) -> Needs;

    /// The terms of a forget micro-batch.
    fn forget(&self, micro: &Micro<'_>) -> Vec<Term>;

    /// The terms of a retain micro-batch; none when it has no use for retain rows.
    fn retain(&self, micro: &Micro<'_>) -> Vec<Term>;

    /// Sees each term's value after a step.
    fn after_step(&mut self, _: &StepView, _: &BTreeMap<String, f64>) {}

    /// What it has learned from steps, to be saved with the run.
    fn state(&self) -> Vec<f64> {
        Vec::new()
    }

    /// Takes up what was saved.
    fn restore(&mut self, _: &[f64]) {}
}
