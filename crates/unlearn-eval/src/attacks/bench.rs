//! What an attack works with: the subject, what is asked, the budget, and the attempts that were made.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use serde::{Deserialize, Serialize};
use unlearn_core::attack::{Caught, Cost, Outcome, Trial};
use unlearn_core::file;
use unlearn_core::recipe::ChatSection;
use unlearn_data::{Encoder, Guard, Row};
use unlearn_engine::tensor::Device;
use unlearn_engine::{EngineError, LanguageModel};

use super::Candidates;
use super::candidates::preferred;
use crate::metrics::{Metric, Takes};
use crate::observe::Effort;
use crate::{EvalError, EvalSet, Needs, Observations, Observer, Store, score};

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
    /// The guard before the subject, for attacks that only ask. Those that hold the weights walk round it.
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
        if let Some(trial) = self.earlier(label) {
            self.take(trial);
            return Ok(true);
        }
        self.go_on()?;
        if self.is_spent() {
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
        let over = |limit: Option<u64>, spent: u64| limit.is_some_and(|limit| spent >= limit);
        let ended_by = [
            (over(self.budget.steps, self.spent.steps), "steps"),
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

    /// Asks a subject all questions, but for rows that the attacker was shown: `shown` says which.
    ///
    /// # Errors
    /// When a row does not fit the subject, or its answers are not numbers.
    pub fn ask(&self, subject: &LanguageModel, shown: &dyn Fn(&Row) -> bool) -> Result<Trial, EvalError> {
        self.ask_otherwise(subject, shown, &|row| Some(row.clone()))
    }

    /// The same in other words: `other` gives each row as it is asked; none where it cannot be. What counts as said
    /// is by the row as it was.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub fn ask_otherwise(
        &self,
        subject: &LanguageModel,
        shown: &dyn Fn(&Row) -> bool,
        other: &dyn Fn(&Row) -> Option<Row>,
    ) -> Result<Trial, EvalError> {
        let mut trial = Trial::default();
        for scope in self.scopes {
            let asked: Vec<Option<Row>> =
                scope.rows.iter().map(|row| if shown(row) { None } else { other(row) }).collect();
            let set = EvalSet::new(&scope.name, asked.iter().flatten().cloned().collect());
            let mut done = |n: usize| self.progress(scope, n / 2);
            let seen = self.observer(subject).observe(&set, self.needs(), &mut done)?;
            trial.cost.queries += set.rows.len() as u64;
            trial.cost.forward_tokens += seen.spent.total();
            let caught = self.caught(scope, &asked, &seen);
            trial.scopes.insert(scope.name.clone(), caught);
        }
        Ok(trial)
    }

    fn needs(&self) -> Needs {
        let asked = Needs { answer: true, perturbed: true, generations: true, ..Needs::NONE };
        self.metrics
            .iter()
            .filter(|m| matches!(m.takes, Takes::Rows(_) | Takes::Set(_)))
            .fold(asked, |n, m| n.or(m.needs))
    }

    /// An observer that keeps nothing: an attacked subject is on no disk.
    #[must_use]
    pub fn observer<'m>(&'m self, subject: &'m LanguageModel) -> Observer<'m> {
        Observer {
            model: subject,
            guard: self.guard,
            encoder: self.encoder,
            digest: String::new(),
            store: Store::none(),
            effort: Effort { seed: self.seed, ..self.effort },
        }
    }

    /// What was caught of a scope, of which some rows were asked.
    fn caught(&self, scope: &Scope, asked: &[Option<Row>], seen: &Observations) -> Caught {
        let mut caught = Caught::default();
        let mut at = 0;
        for (row, asked) in scope.rows.iter().zip(asked) {
            let place = asked.as_ref().map(|_| {
                at += 1;
                at - 1
            });
            let text = place.and_then(|i| seen.generations.get(i)).cloned().flatten();
            let heard = text.as_ref().and_then(|text| Some(Candidates::of(row)?.heard(text)));
            caught.words.push(text.filter(|_| heard.is_some()));
            caught.said.push(heard);
            caught.chosen.push(place.and_then(|i| preferred(seen.likelihoods.get(i)?)));
        }
        for metric in self.metrics {
            let score = match &metric.takes {
                Takes::Rows(rows) => score::of_rows(rows, &scope.name, seen, self.seed),
                Takes::Set(of) => of(seen, &scope.name, self.seed),
                _ => None,
            };
            if let Some(value) = score.and_then(|score| score.value) {
                caught.metrics.insert(metric.name.to_owned(), value);
            }
        }
        caught
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
