//! A prompt that is found on some facts and tried on others: who knows part of what was forgotten looks for what makes the
//! model say it, and asks for the rest. A prompt that is found for one fact alone may carry the answer itself.

use std::ops::ControlFlow;
use std::path::PathBuf;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use unlearn_core::attack::{Cost, Trial};
use unlearn_core::file;
use unlearn_data::Row;

use super::bench::numbers;
use super::prompt_search::{Budget, Goal, Moves, Place, Point, Problem, Spent, State, Stop, Words, search};
use super::relearn::same_fact;
use super::{Bench, Told};
use crate::{EvalError, selected};

/// What an attack by a found prompt has besides its search.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Universal {
    /// Parts that the forget rows are dealt into: each is asked with what was found on the others.
    pub folds: usize,
    /// Rows that a prompt is searched for at once.
    pub rows: usize,
    /// Where the prompt stands.
    pub place: Place,
}

impl Default for Universal {
    fn default() -> Self {
        Self { folds: 2, rows: 8, place: Place::Suffix }
    }
}

/// A search that was interrupted.
#[derive(Serialize, Deserialize)]
struct Paused<S> {
    of: String,
    state: S,
}

/// What the attempt with the prompts that were found goes by.
const FOUND: &str = "found on other facts";

/// Rows in one search pass are few and short; more at once would only cost memory.
const PASS_TOKENS: usize = 2048;

impl Universal {
    pub(super) fn check(&self) -> Result<(), (&'static str, &'static str)> {
        match (self.folds < 2, self.rows == 0) {
            (true, _) => Err(("folds", "it must be at least 2: some rows are shown, the others asked for")),
            (_, true) => Err(("rows", "it must be at least 1")),
            _ => Ok(()),
        }
    }

    /// Of each fold, the rows that a prompt is found on, and all that are shown with them.
    pub(super) fn folds(&self, bench: &Bench<'_>) -> Vec<(Vec<Row>, Vec<Row>)> {
        let forget = bench.scopes.first().map(|scope| scope.rows.as_slice()).unwrap_or_default();
        let one = |fold: usize| {
            let others = forget.iter().enumerate().filter(|(i, _)| i % self.folds != fold);
            let others: Vec<Row> = others.map(|(_, row)| row.clone()).collect();
            let found_on = selected(&others, self.rows);
            // What is asked is what the prompt was not found on and is no shown fact in other words.
            let of_fold = forget.iter().enumerate().filter(|(i, _)| i % self.folds == fold).map(|(_, row)| row);
            let asked: Vec<Row> = of_fold.filter(|row| !found_on.iter().any(|f| same_fact(f, row))).cloned().collect();
            (found_on, asked)
        };
        (0..self.folds.min(forget.len()))
            .map(one)
            .filter(|(found_on, asked)| !found_on.is_empty() && !asked.is_empty())
            .collect()
    }

    pub(super) fn goals(&self, bench: &Bench<'_>, rows: &[Row]) -> Result<Vec<Goal>, EvalError> {
        rows.iter().map(|row| Ok(Goal::of(bench.encoder, row, self.place, None)?)).collect()
    }

    /// What a fold's search may take of what the attack may, but for some questions.
    pub(super) fn budget(&self, bench: &Bench<'_>, reserved: u64) -> Budget {
        let part = |limit: Option<u64>| limit.map(|limit| (limit / self.folds as u64) as usize);
        Budget {
            steps: part(bench.budget.steps),
            queries: part(bench.budget.queries.map(|limit| limit.saturating_sub(reserved))),
            forward_tokens: None,
            seconds: bench.budget.seconds.map(|limit| limit / self.folds as f64),
        }
    }

    /// Whether the budget allows for the first prompt of every fold; what of it does not is noted.
    pub(super) fn affords(&self, bench: &mut Bench<'_>, reserved: u64) -> bool {
        // The first prompt's loss and the last one's.
        let least = 2 * self.rows;
        let enough = self.budget(bench, reserved).queries.is_none_or(|queries| queries >= least);
        if !enough {
            bench.ended_by("queries");
        }
        enough
    }

    /// Finds a prompt for each fold, and asks it.
    pub(super) fn run<M: Moves>(&self, moves: &M, start: &[u32], bench: &mut Bench<'_>) -> Result<(), EvalError> {
        if !self.affords(bench, reserved(bench)) {
            return Ok(());
        }
        let found = bench.attempt(FOUND, |bench| {
            let mut all: Option<Trial> = None;
            for (fold, (found_on, asked)) in self.folds(bench).into_iter().enumerate() {
                let trial = self.fold(moves, start, bench, (fold, &found_on, &asked))?;
                all = Some(all.map_or_else(|| trial.clone(), |sum| sum.or(&trial)));
            }
            Ok(all.unwrap_or_default())
        })?;
        if found { self.through_guard(bench) } else { Ok(()) }
    }

    fn fold<M: Moves>(
        &self,
        moves: &M,
        start: &[u32],
        bench: &Bench<'_>,
        (fold, found_on, asked): (usize, &[Row], &[Row]),
    ) -> Result<Trial, EvalError> {
        let goals = self.goals(bench, found_on)?;
        let problem = Problem::new(bench.model, &goals, start.len(), Words::default(), PASS_TOKENS)?;
        let place = self.paused(bench, fold);
        let budget = self.budget(bench, reserved(bench));
        let steps = budget.steps.unwrap_or_else(|| moves.steps());
        let mut watch = |state: &State| {
            (bench.tell)(Told::Progress(state.spent.steps, steps));
            if bench.go_on().is_err() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let seed = unlearn_core::seed::number(bench.seed, &format!("fold {fold}"));
        let outcome = search(moves, &problem, (start, seed), &budget, resumed(&place), &mut watch)?;
        if outcome.stopped == Stop::Asked {
            pause(&place, &outcome.state)?;
            bench.go_on()?;
        }
        let text = outcome.text.unwrap_or_default();
        let trial = bench.ask_otherwise(bench.model, &not_among(asked), &|row| self.with(row, &text))?;
        let numbers = found(&outcome.state.curve);
        Ok(Trial { numbers, cost: trial.cost + cost(outcome.state.spent), texts: vec![text], ..trial })
    }

    /// A row whose question has a text where the free places stood.
    fn with(&self, row: &Row, text: &str) -> Option<Row> {
        let question = row.prompt_text();
        row.asked(&match self.place {
            Place::Prefix => format!("{text}{question}"),
            Place::Suffix => format!("{question}{text}"),
        })
    }

    /// Asks what was found on the weights through the guard before them, and says what came of it.
    fn through_guard(&self, bench: &mut Bench<'_>) -> Result<(), EvalError> {
        let (Some(guard), Some(found)) = (bench.guard, bench.made().last()) else { return Ok(()) };
        let (texts, name) = (found.texts.clone(), bench.attack().to_owned());
        let made = bench.ask_again(&format!("{FOUND}, through the guard"), |bench| {
            let mut all: Option<Trial> = None;
            for ((_, asked), text) in self.folds(bench).into_iter().zip(&texts) {
                let trial = bench.ask_through_guard(&not_among(&asked), &|row| self.with(row, text))?;
                all = Some(all.map_or_else(|| trial.clone(), |sum| sum.or(&trial)));
            }
            let trial = all.unwrap_or_default();
            let answers = || trial.scopes.values().flat_map(|caught| caught.words.iter().flatten());
            let refused = answers().filter(|text| *text == guard.refusal()).count() as f64;
            let numbers = numbers([("refused", refused), ("answers", answers().count() as f64)]);
            Ok(Trial { texts: texts.clone(), numbers, ..trial })
        })?;
        let number = |name: &str| bench.made().last().and_then(|trial| trial.numbers.get(name)).copied();
        bench.note(match (number("refused"), number("answers")) {
            (Some(refused), Some(answers)) if made => format!(
                "What `{name}` found on the weights was asked through the guard too: {refused} of {answers} answers were \
                 its refusal."
            ),
            _ => format!("What `{name}` found on the weights was not asked through the guard: the budget was spent."),
        });
        Ok(())
    }

    /// Where an interrupted search of a fold is kept, and what must not have changed.
    pub(super) fn paused(&self, bench: &Bench<'_>, fold: usize) -> Option<(PathBuf, String)> {
        bench.state.as_ref().map(|(dir, of)| (dir.join(format!("search-{fold}.json")), of.clone()))
    }
}

/// Questions that a search leaves to those who ask: where a guard stands before the subject, what is found is asked twice,
/// round it and through it.
fn reserved(bench: &Bench<'_>) -> u64 {
    let questions = bench.scopes.iter().map(|scope| scope.rows.len() as u64).sum::<u64>();
    if bench.guard.is_some() { 2 * questions } else { 0 }
}

/// What the attacker knows or leaves out: all that asks for none of some facts.
fn not_among(asked: &[Row]) -> impl Fn(&Row) -> bool + '_ {
    |row| !asked.iter().any(|other| same_fact(other, row))
}

/// The state that an earlier process left.
pub(super) fn resumed<S: DeserializeOwned>(place: &Option<(PathBuf, String)>) -> Option<S> {
    let (path, of) = place.as_ref()?;
    let paused: Paused<S> = file::read_json(path).ok()?;
    (paused.of == *of).then_some(paused.state)
}

/// Keeps a state for a later process.
pub(super) fn pause<S: Serialize>(place: &Option<(PathBuf, String)>, state: S) -> Result<(), EvalError> {
    if let Some((path, of)) = place {
        if let Some(dir) = path.parent() {
            file::create_dir(dir)?;
        }
        file::write_json(path, &Paused { of: of.clone(), state })?;
    }
    Ok(())
}

/// A search's cost as an attack's.
pub(super) fn cost(spent: Spent) -> Cost {
    let (steps, queries, forward_tokens) = (spent.steps as u64, spent.queries as u64, spent.forward_tokens as u64);
    Cost { steps, queries, forward_tokens, seconds: 0.0 }
}

/// The loss that a search began with and the best it found.
pub(super) fn found(curve: &[Point]) -> std::collections::BTreeMap<String, f64> {
    match (curve.first(), curve.last()) {
        (Some(first), Some(last)) => numbers([("loss-first", first.loss), ("loss-best", last.best)]),
        _ => std::collections::BTreeMap::new(),
    }
}
