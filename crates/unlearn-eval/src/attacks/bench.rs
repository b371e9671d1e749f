//! What an attack works with: the subject, what is asked, the budget, and the attempts that were made.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use serde::{Deserialize, Serialize};
use unlearn_core::attack::{Cost, Outcome, Trial};
use unlearn_core::file;
use unlearn_core::recipe::ChatSection;
use unlearn_data::{Encoder, Guard, Row};
use unlearn_engine::tensor::Device;
use unlearn_engine::{EngineError, LanguageModel};

use super::asks;
use crate::EvalError;
use crate::metrics::Metric;
use crate::observe::Effort;

/// What an attack may take; where nothing is said, as much as its own configuration does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Budget {
    /// Steps of training or search.
    pub steps: Option<u64>,
    /// Questions put to the subject.
    pub queries: Option<u64>,
    /// Seconds.
    pub seconds: Option<f64>,
}

/// What is asked of a subject, with wrong answers beside the true ones.
#[derive(Debug, Clone)]
pub struct Scope {
    /// `forget`, `paraphrased`, …
    pub name: String,
    /// Its rows; each has wrong answers.
    pub rows: Vec<Row>,
}

/// What an attack tells while it runs.
pub enum Told<'a> {
    /// An attempt began.
    Attempt(&'a str),
    /// How far it is: done, of all.
    Progress(usize, usize),
}

/// What an attack works with.
pub struct Bench<'a> {
    /// The subject, as it was read from its checkpoint.
    pub model: &'a LanguageModel,
    /// The guard before the subject. Attacks that only ask see the subject through it; those that hold the weights walk
    /// round it.
    pub guard: Option<&'a Guard>,
    /// How rows become tokens.
    pub encoder: &'a Encoder,
    /// What is asked: the forget set first, then other sets that belong to it.
    pub scopes: &'a [Scope],
    /// What was to be kept.
    pub retain: &'a [Row],
    /// The model as it was before, where there is one.
    pub reference: Option<&'a Path>,
    /// How text becomes a conversation.
    pub chat: &'a ChatSection,
    /// Metrics of rows and sets that are taken of what is seen.
    pub metrics: &'a [&'static Metric],
    /// How much is done at once, and how long an answer may get.
    pub effort: Effort,
    /// What the attack may take.
    pub budget: Budget,
    /// The run's seed.
    pub seed: u64,
    /// Where attempts and states are kept from which an interrupted attack goes on, and what must not have changed.
    pub state: Option<(PathBuf, String)>,
    /// Set from outside to stop.
    pub stop: &'a AtomicBool,
    /// Where to compute.
    pub device: &'a Device,
    /// Told what happens.
    pub tell: &'a dyn Fn(Told<'_>),
    pub(super) only_asks: bool,
    begun: Instant,
    outcome: Outcome,
    spent: Cost,
}

/// An attempt on disk, and what it was of.
#[derive(Serialize, Deserialize)]
struct Kept {
    of: String,
    trial: Trial,
}

impl<'a> Bench<'a> {
    /// A bench for one attack on one subject. Its budget, state and what is kept of others can be set afterwards.
    #[must_use]
    pub fn new(
        attack: &str,
        (model, encoder, chat): (&'a LanguageModel, &'a Encoder, &'a ChatSection),
        (scopes, retain): (&'a [Scope], &'a [Row]),
        (stop, tell): (&'a AtomicBool, &'a dyn Fn(Told<'_>)),
    ) -> Self {
        Self {
            model,
            guard: None,
            encoder,
            scopes,
            retain,
            reference: None,
            chat,
            metrics: &[],
            effort: Effort::default(),
            budget: Budget::default(),
            seed: 0,
            state: None,
            stop,
            device: model.parameters.device(),
            tell,
            only_asks: asks(attack),
            begun: Instant::now(),
            outcome: Outcome { attack: attack.to_owned(), ..Outcome::default() },
            spent: Cost::default(),
        }
    }

    /// Makes an attempt, unless an earlier process made it; `false` where the budget is spent.
    ///
    /// # Errors
    /// As `make`, or when the attempt cannot be kept.
    pub fn attempt(
        &mut self,
        label: &str,
        make: impl FnOnce(&mut Self) -> Result<Trial, EvalError>,
    ) -> Result<bool, EvalError> {
        self.attempt_with(label, true, make)
    }

    /// Makes an attempt with what an earlier one found, which only asks: as [`Self::attempt`], but where all steps are
    /// taken it is still made.
    ///
    /// # Errors
    /// As [`Self::attempt`].
    pub fn ask_again(
        &mut self,
        label: &str,
        make: impl FnOnce(&mut Self) -> Result<Trial, EvalError>,
    ) -> Result<bool, EvalError> {
        self.attempt_with(label, false, make)
    }

    fn attempt_with(
        &mut self,
        label: &str,
        takes_steps: bool,
        make: impl FnOnce(&mut Self) -> Result<Trial, EvalError>,
    ) -> Result<bool, EvalError> {
        if let Some(trial) = self.earlier(label) {
            self.take(trial);
            return Ok(true);
        }
        self.go_on()?;
        if self.spends(takes_steps) {
            return Ok(false);
        }
        (self.tell)(Told::Attempt(label));
        let begun = Instant::now();
        let mut trial = make(self)?;
        label.clone_into(&mut trial.label);
        trial.cost.seconds = begun.elapsed().as_secs_f64();
        self.keep(&trial)?;
        self.take(trial);
        Ok(true)
    }

    /// An attempt that an earlier process made.
    #[must_use]
    pub fn earlier(&self, label: &str) -> Option<Trial> {
        let (dir, of) = self.state.as_ref()?;
        let kept: Kept = file::read_json(&dir.join(file_name(label))).ok()?;
        (kept.of == *of).then_some(kept.trial)
    }

    /// Keeps an attempt for a later process.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn keep(&self, trial: &Trial) -> Result<(), EvalError> {
        if let Some((dir, of)) = &self.state {
            file::create_dir(dir)?;
            file::write_json(&dir.join(file_name(&trial.label)), &Kept { of: of.clone(), trial: trial.clone() })?;
        }
        Ok(())
    }

    /// Adds an attempt that was made.
    pub fn take(&mut self, trial: Trial) {
        self.spent = self.spent + trial.cost;
        self.outcome.trials.push(trial);
    }

    /// Whether the budget is spent; what of it is noted.
    pub fn is_spent(&mut self) -> bool {
        self.spends(true)
    }

    /// Whether the budget is spent for an attempt that takes steps, or for one that takes none.
    fn spends(&mut self, takes_steps: bool) -> bool {
        let over = |limit: Option<u64>, spent: u64| limit.is_some_and(|limit| spent >= limit);
        let ended_by = [
            (takes_steps && over(self.budget.steps, self.spent.steps), "steps"),
            (over(self.budget.queries, self.spent.queries), "queries"),
            (self.seconds_left() == Some(0.0), "seconds"),
        ];
        let ended_by = ended_by.into_iter().find(|(over, _)| *over).map(|(_, by)| by.to_owned());
        if ended_by.is_some() {
            self.outcome.ended_by.clone_from(&ended_by);
        }
        ended_by.is_some()
    }

    /// Seconds that are left, where they are limited.
    #[must_use]
    pub fn seconds_left(&self) -> Option<f64> {
        self.budget.seconds.map(|limit| (limit - self.begun.elapsed().as_secs_f64()).max(0.0))
    }

    /// Whether as many more questions would use up what may be put.
    #[must_use]
    pub fn would_use_up(&self, queries: u64) -> bool {
        self.budget.queries.is_some_and(|limit| self.spent.queries + queries >= limit)
    }

    /// Steps that are left of `wanted`.
    #[must_use]
    pub fn steps_left(&self, wanted: u64) -> u64 {
        self.budget.steps.map_or(wanted, |limit| wanted.min(limit.saturating_sub(self.spent.steps)))
    }

    /// The attack's name.
    #[must_use]
    pub fn attack(&self) -> &str {
        &self.outcome.attack
    }

    /// The attempts that were made so far.
    #[must_use]
    pub fn made(&self) -> &[Trial] {
        &self.outcome.trials
    }

    /// Says of the attack what has to be known of it.
    pub fn note(&mut self, sentence: impl Into<String>) {
        self.outcome.notes.push(sentence.into());
    }

    /// Notes that a part of the budget ended the attack.
    pub fn ended_by(&mut self, part: &str) {
        self.outcome.ended_by = Some(part.to_owned());
    }

    /// The model as it was before, where there is one of the subject's shape.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read_reference(&self) -> Result<Option<LanguageModel>, EvalError> {
        let Some(path) = self.reference else { return Ok(None) };
        let other = LanguageModel::read(path, self.device)?;
        Ok((other.decoder.specs() == self.model.decoder.specs()).then_some(other))
    }

    /// Whether the user asked to stop; with an error if so.
    ///
    /// # Errors
    /// [`EngineError::Interrupted`].
    pub fn go_on(&self) -> Result<(), EvalError> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(EngineError::Interrupted { step: self.outcome.trials.len() }.into());
        }
        Ok(())
    }

    /// What was brought back.
    #[must_use]
    pub fn finish(self) -> Outcome {
        self.outcome
    }

    /// Tells how many of a scope's rows are done.
    pub fn progress(&self, scope: &Scope, done: usize) {
        let before = self.scopes.iter().take_while(|other| other.name != scope.name).map(|other| other.rows.len());
        let total = self.scopes.iter().map(|scope| scope.rows.len()).sum();
        (self.tell)(Told::Progress(before.sum::<usize>() + done, total));
    }
}

/// An attempt's file.
fn file_name(label: &str) -> String {
    let plain: String = label.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    // Labels that look alike are still told apart.
    let digest = unlearn_core::digest::of_bytes(label.as_bytes());
    format!("{plain}-{}.json", &digest[..8])
}

/// A trial's numbers by name.
pub(super) fn numbers<const N: usize>(pairs: [(&str, f64); N]) -> BTreeMap<String, f64> {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
