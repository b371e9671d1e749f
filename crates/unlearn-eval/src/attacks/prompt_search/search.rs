//! The loop that all searches for tokens share.

use std::ops::ControlFlow;
use std::time::Instant;

use serde::{Deserialize, Serialize};
use unlearn_core::seed;
use unlearn_engine::prompt::{gradient, gradient_cost};

use super::{Budget, Point, Problem, Spent, Stop};
use crate::EvalError;

/// A prompt and what it is worth.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Found {
    /// Tokens at the free places.
    pub ids: Vec<u32>,
    /// Mean negative log-likelihood of the target, in nats per token, over all rows.
    pub loss: f64,
    /// Whether greedy generation says all targets behind it.
    pub greedy: bool,
}

/// Where a search stands after a step: all that it takes to go on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Prompts that the search goes on with, best first; the first is the current one.
    pub buffer: Vec<Found>,
    /// The best so far.
    pub best: Found,
    /// The first behind which the model said all targets.
    pub said: Option<Found>,
    /// The loss after every step.
    pub curve: Vec<Point>,
    /// What it did cost.
    pub spent: Spent,
}

/// What a search came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// Where it stands.
    pub state: State,
    /// The best prompt's text, where the model has a tokenizer.
    pub text: Option<String>,
    /// Why it ended.
    pub stopped: Stop,
    /// How long it took, from where it began or went on.
    pub seconds: f64,
}

/// Sees the state after every step, and may end the search.
pub type Watch<'a> = dyn FnMut(&State) -> ControlFlow<()> + 'a;

/// One step's way to other prompts.
pub trait Moves {
    /// What its random stream is called.
    const NAME: &'static str;

    /// Steps, unless the budget says otherwise.
    fn steps(&self) -> usize;

    /// Whether a step begins with the gradient at the current prompt.
    fn gradient(&self) -> bool;

    /// How many of the best prompts are kept; with none, every step's best becomes the current one, better or not.
    fn buffer(&self) -> usize;

    /// Whether the search ends once the model says the targets.
    fn early_stop(&self) -> bool;

    /// Prompts that are tried, from a current one. `scores` `[slots, vocabulary]` is the gradient, empty where none was
    /// asked for; `allowed` are the tokens that may be put. `draw(n)` are `n` numbers from `[0, 1)`, called once.
    fn propose(
        &self,
        current: &[u32],
        scores: &[f32],
        allowed: &[u32],
        draw: &dyn Fn(usize) -> Vec<f64>,
    ) -> Vec<Vec<u32>>;

    /// Refuses settings that cannot be.
    ///
    /// # Errors
    /// Names the field.
    fn check(&self) -> Result<(), EvalError>;
}

/// Searches from the tokens `start`, or goes on from a state that the same search left after a step.
///
/// # Errors
/// When a setting cannot be, the budget does not allow for the first prompt, or the model is broken.
pub fn search<M: Moves>(
    moves: &M,
    problem: &Problem<'_>,
    (start, seed): (&[u32], u64),
    budget: &Budget,
    state: Option<State>,
    watch: &mut Watch<'_>,
) -> Result<Outcome, EvalError> {
    moves.check()?;
    let began = Instant::now();
    let mut state = match state {
        Some(state) => fitting(problem, state)?,
        None => first(problem, start, budget)?,
    };
    let mut longest = 0f64;
    let way_back = if moves.gradient() { gradient_cost(&problem.rows) } else { 0 };
    let stopped = loop {
        if moves.early_stop() && state.said.is_some() {
            break Stop::Reached;
        }
        let current = state.buffer[0].ids.clone();
        // A prompt takes the same wherever it differs from the current one: what it shares has to be computed once.
        let least = problem.cost(&current, std::slice::from_ref(&current));
        let next = Spent { steps: 1, queries: problem.rows.len(), forward_tokens: way_back + least };
        let seconds = began.elapsed().as_secs_f64();
        if let Some(stop) = budget.used_up(&state.spent, moves.steps(), &next, seconds + longest) {
            break stop;
        }
        let scores = if way_back == 0 { Vec::new() } else { gradient(problem.model, &problem.rows, &current).gradient };
        state.spent.forward_tokens += way_back;
        let stream = format!("attack/{}/step/{}", M::NAME, state.spent.steps);
        let tried = moves.propose(&current, &scores, &problem.allowed, &|n| seed::uniform(seed, &stream, n));
        let tried = affordable(problem, &current, problem.kept(&current, tried)?, budget, &state.spent);
        step(&mut state, moves.buffer(), problem, &current, tried)?;
        longest = longest.max(began.elapsed().as_secs_f64() - seconds);
        if watch(&state).is_break() {
            break Stop::Asked;
        }
    };
    let text = problem.model.tokenizer.as_ref().map(|t| t.decode(&state.best.ids)).transpose()?;
    Ok(Outcome { state, text, stopped, seconds: began.elapsed().as_secs_f64() })
}

/// Refuses tokens that the problem has no places for, or the model no embedding.
fn fits(problem: &Problem<'_>, field: &'static str, ids: &[u32]) -> Result<(), EvalError> {
    let slots = problem.rows[0].slots().len();
    if ids.len() != slots {
        return Err(EvalError::attack(field, ids.len(), format!("there are {slots} free places")));
    }
    let vocabulary = problem.model.decoder.config().vocab_size;
    match ids.iter().find(|id| **id as usize >= vocabulary) {
        Some(id) => Err(EvalError::attack(field, id, format!("the vocabulary has {vocabulary} tokens"))),
        None => Ok(()),
    }
}

/// A state, unless it is another problem's.
fn fitting(problem: &Problem<'_>, state: State) -> Result<State, EvalError> {
    if state.buffer.is_empty() {
        return Err(EvalError::attack("state", "", "it holds no prompt to go on with"));
    }
    state.buffer.iter().chain([&state.best]).try_for_each(|found| fits(problem, "state", &found.ids))?;
    Ok(state)
}

/// The state before the first step.
fn first(problem: &Problem<'_>, start: &[u32], budget: &Budget) -> Result<State, EvalError> {
    fits(problem, "init", start)?;
    let all = [start.to_vec()];
    let needs = problem.begun_tokens() + problem.cost(start, &all);
    if let Some(most) = budget.forward_tokens.filter(|most| *most < needs) {
        return Err(EvalError::attack("forward_tokens", most, format!("the first prompt alone takes {needs}")));
    }
    let rows = problem.rows.len();
    if let Some(most) = budget.queries.filter(|most| *most < rows) {
        return Err(EvalError::attack("queries", most, format!("the first prompt alone takes {rows}")));
    }
    let found = problem.losses(start, &all)?;
    let best = Found { ids: start.to_vec(), loss: found.losses[0], greedy: found.greedy[0] };
    let spent = Spent { steps: 0, queries: rows, forward_tokens: needs };
    let (said, curve) = (best.greedy.then(|| best.clone()), vec![point(&spent, best.loss, best.loss)]);
    Ok(State { buffer: vec![best.clone()], best, said, curve, spent })
}

/// Tries prompts, and goes on with the best of them where it is good enough.
fn step(
    state: &mut State,
    size: usize,
    problem: &Problem<'_>,
    current: &[u32],
    tried: Vec<Vec<u32>>,
) -> Result<(), EvalError> {
    let found = problem.losses(current, &tried)?;
    state.spent.steps += 1;
    state.spent.queries += tried.len() * problem.rows.len();
    state.spent.forward_tokens += found.forward_tokens;
    let all = tried.into_iter().zip(found.losses).zip(found.greedy);
    let all: Vec<Found> = all.map(|((ids, loss), greedy)| Found { ids, loss, greedy }).collect();
    if state.said.is_none() {
        state.said = all.iter().filter(|f| f.greedy).min_by(|a, b| a.loss.total_cmp(&b.loss)).cloned();
    }
    // The first of the best.
    if let Some(best) = all.into_iter().min_by(|a, b| a.loss.total_cmp(&b.loss)) {
        if best.loss < state.best.loss {
            state.best = best.clone();
        }
        if size == 0 {
            state.buffer = vec![best];
        } else if state.buffer.iter().all(|kept| kept.ids != best.ids) {
            state.buffer.push(best);
            state.buffer.sort_by(|a, b| a.loss.total_cmp(&b.loss));
            state.buffer.truncate(size);
        }
    }
    state.curve.push(point(&state.spent, state.buffer[0].loss, state.best.loss));
    Ok(())
}

/// The first prompts that the budget allows for.
fn affordable(
    problem: &Problem<'_>,
    current: &[u32],
    mut tried: Vec<Vec<u32>>,
    budget: &Budget,
    spent: &Spent,
) -> Vec<Vec<u32>> {
    if let Some(most) = budget.queries {
        tried.truncate(most.saturating_sub(spent.queries) / problem.rows.len());
    }
    if let Some(most) = budget.forward_tokens {
        let left = most.saturating_sub(spent.forward_tokens);
        // Costs grow with the number of prompts: the largest that fits is found by halving.
        let (mut fits, mut beyond) = (0, tried.len() + 1);
        while beyond - fits > 1 {
            let n = (fits + beyond) / 2;
            if problem.cost(current, &tried[..n]) <= left { fits = n } else { beyond = n }
        }
        tried.truncate(fits);
    }
    tried
}

fn point(spent: &Spent, loss: f64, best: f64) -> Point {
    Point { step: spent.steps, queries: spent.queries, forward_tokens: spent.forward_tokens, loss, best }
}
