//! `soft-prompt`

use std::ops::ControlFlow;
use std::time::Instant;

use serde::{Deserialize, Serialize};
use unlearn_engine::LanguageModel;
use unlearn_engine::generate::{Generation, Options, Soft, generate_behind};
use unlearn_engine::prompt::{Slotted, gradient_cost, soft_gradient, soft_scores, soft_scores_cost, vectors};

use super::page::documented;
use super::problem::begin;
use super::{Budget, Goal, Point, Problem, Spent, Stop};
use crate::EvalError;

/// How vectors follow their gradient.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// `e ← e − η · sign(g)`
    #[default]
    Sign,
    /// Adam (Kingma and Ba, 2015), β = 0.9 and 0.999, ε = 1e-8, without decay.
    Adam,
}

documented! {
    /// # Idea
    /// The strongest prompt there is, and one that nobody can type: vectors in place of tokens, moved along the gradient.
    /// What no such vectors bring back is hard to bring back by any words; what they do bring back is still inside, or
    /// was put there by them, which the same attack on the retrained model tells.
    ///
    /// # Objective
    /// `L(E) = mean over rows of −log π(target | question, E) / |target|`, by gradient descent on `E`, as many vectors as
    /// `init` has tokens, from these tokens' embeddings.
    ///
    /// # Procedure
    /// The forget rows are dealt into `folds`; a prompt is searched on `rows` of the other folds at once and put into the
    /// questions of the fold that is asked (`place`), so that it cannot carry the answer itself. The retrained model,
    /// attacked alike, shows what can be had without knowing. Vectors are no text: they cannot be sent through a guard.
    ///
    /// # Paper
    /// Schwinn, Dobre, Xhonneux, Gidel and Günnemann, *Soft Prompt Threats: Attacking Safety Alignment and Unlearning in
    /// Open-Source LLMs through the Embedding Space*, 2024, arXiv 2402.09063; Lester, Al-Rfou and Constant, *The Power of
    /// Scale for Parameter-Efficient Prompt Tuning*, 2021, arXiv 2104.08691, for `adam`.
    ///
    /// # Reference implementation
    /// `SchwinnL/LLM_Embedding_Attack`, `embedding_attack_unlearning.py`.
    ///
    /// # Defaults
    /// `init` = 20 times `!`, `steps = 100`, `rule = "sign"`, `learning_rate = 0.001` (the authors').
    ///
    /// # Deviations
    /// A step is measured in the embedding table, before any scale that a family puts on it. Vectors that serve several
    /// rows see all of them in every step. Answers are not read out of the layers between. The result is the vectors with
    /// the lowest loss; the authors ask the model along the way, which whoever watches the search can do.
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    pub struct SoftPrompt {
        /// The text whose embeddings the search begins with.
        pub init: String,
        /// Steps.
        pub steps: usize,
        /// How vectors follow their gradient.
        pub rule: Rule,
        /// Length of a step.
        pub learning_rate: f64,
    }
}

impl Default for SoftPrompt {
    fn default() -> Self {
        Self { init: ["!"; 20].join(" "), steps: 100, rule: Rule::Sign, learning_rate: 1e-3 }
    }
}

/// Where a search stands after a step: all that it takes to go on.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SoftState {
    /// `[slots, width]`, after the last step.
    pub vectors: Vec<f32>,
    /// Adam's running means of the gradient and of its square; empty for other rules.
    pub moments: [Vec<f32>; 2],
    /// The vectors with the lowest loss known.
    pub best: Vec<f32>,
    /// The loss before every step taken; the last vectors' is known when the search ends.
    pub curve: Vec<Point>,
    /// What it did cost.
    pub spent: Spent,
}

/// What a search came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SoftOutcome {
    /// Where it stands: goes on from here.
    pub state: SoftState,
    /// The best vectors, `[slots, width]`.
    pub vectors: Vec<f32>,
    /// Their loss, in nats per target token.
    pub loss: f64,
    /// The state's curve and the last vectors'.
    pub curve: Vec<Point>,
    /// The state's, and what the last vectors' loss did cost.
    pub spent: Spent,
    /// Why it ended.
    pub stopped: Stop,
    /// How long it took, from where it began or went on.
    pub seconds: f64,
}

/// Sees the state after every step, and may end the search.
pub type SoftWatch<'a> = dyn FnMut(&SoftState) -> ControlFlow<()> + 'a;

impl SoftPrompt {
    /// The vectors that the search begins with, `[slots, width]`.
    ///
    /// # Errors
    /// When the model has no tokenizer, or `init` has no tokens.
    pub fn begin(&self, model: &LanguageModel) -> Result<Vec<f32>, EvalError> {
        Ok(vectors(model, &begin(model, &self.init)?))
    }
}

/// Moves the vectors `start`, or goes on from a state that the same search left.
///
/// # Errors
/// When a setting cannot be, the budget does not allow for the first vectors' loss, or the model is broken.
pub fn soft_search(
    config: &SoftPrompt,
    problem: &Problem<'_>,
    start: &[f32],
    budget: &Budget,
    state: Option<SoftState>,
    watch: &mut SoftWatch<'_>,
) -> Result<SoftOutcome, EvalError> {
    if !(config.learning_rate > 0.0 && config.learning_rate.is_finite()) {
        return Err(EvalError::attack("learning_rate", config.learning_rate, "it must be positive"));
    }
    let began = Instant::now();
    let rows = problem.rows.len();
    let last: usize = problem.rows.iter().map(soft_scores_cost).sum();
    let width = problem.rows[0].slots().len() * problem.model.decoder.config().hidden_size;
    let fits = |field, n: usize| match n == width {
        true => Ok(()),
        false => Err(EvalError::attack(field, n, format!("the free places hold {width} numbers"))),
    };
    let mut state = match state {
        Some(state) => {
            fits("state", state.vectors.len())?;
            fits("state", state.best.len())?;
            state
        }
        None => {
            fits("init", start.len())?;
            first(problem, start, budget, last)?
        }
    };
    let mut longest = 0f64;
    let turn = gradient_cost(&problem.rows);
    let stopped = loop {
        // The last vectors' loss is kept room for.
        let next = Spent { steps: 1, queries: 2 * rows, forward_tokens: turn + last };
        let seconds = began.elapsed().as_secs_f64();
        if let Some(stop) = budget.used_up(&state.spent, config.steps, &next, seconds + longest) {
            break stop;
        }
        let found = soft_gradient(problem.model, &problem.rows, &state.vectors);
        let before = Spent { steps: state.spent.steps, queries: rows, forward_tokens: turn };
        note(&mut state, config.learning_rate, before, found.loss)?;
        state.spent.steps += 1;
        config.follow(&mut state, &found.gradient);
        longest = longest.max(began.elapsed().as_secs_f64() - seconds);
        if watch(&state).is_break() {
            break Stop::Asked;
        }
    };
    let mut end = state.clone();
    let losses = problem.rows.iter().map(|row| mean_loss(&soft_scores(problem.model, row, &state.vectors)));
    let loss = losses.sum::<f64>() / rows as f64;
    note(
        &mut end,
        config.learning_rate,
        Spent { steps: state.spent.steps, queries: rows, forward_tokens: last },
        loss,
    )?;
    let loss = end.curve.last().map_or(loss, |p| p.best);
    let seconds = began.elapsed().as_secs_f64();
    Ok(SoftOutcome { state, vectors: end.best, loss, curve: end.curve, spent: end.spent, stopped, seconds })
}

/// The state before the first step.
fn first(problem: &Problem<'_>, start: &[f32], budget: &Budget, last: usize) -> Result<SoftState, EvalError> {
    let (begun, rows) = (problem.begun_tokens(), problem.rows.len());
    if let Some(most) = budget.forward_tokens.filter(|most| *most < begun + last) {
        let reason = format!("the first vectors alone take {}", begun + last);
        return Err(EvalError::attack("forward_tokens", most, reason));
    }
    if let Some(most) = budget.queries.filter(|most| *most < rows) {
        return Err(EvalError::attack("queries", most, format!("the first vectors alone take {rows}")));
    }
    let spent = Spent { forward_tokens: begun, ..Spent::default() };
    Ok(SoftState { vectors: start.to_vec(), best: start.to_vec(), spent, ..SoftState::default() })
}

/// Writes the loss of the state's vectors down.
fn note(state: &mut SoftState, rate: f64, cost: Spent, loss: f64) -> Result<(), EvalError> {
    if !loss.is_finite() && cost.steps == 0 {
        return Err(EvalError::NotFinite { set: "prompt".into(), row: 1 });
    }
    if !loss.is_finite() {
        let reason = format!("the loss is no longer a number after step {}", cost.steps);
        return Err(EvalError::attack("learning_rate", rate, reason));
    }
    state.spent.queries += cost.queries;
    state.spent.forward_tokens += cost.forward_tokens;
    let before = state.curve.last().map_or(f64::INFINITY, |p| p.best);
    if loss < before {
        state.best.clone_from(&state.vectors);
    }
    let Spent { queries, forward_tokens, .. } = state.spent;
    state.curve.push(Point { step: cost.steps, queries, forward_tokens, loss, best: loss.min(before) });
    Ok(())
}

impl SoftPrompt {
    /// One step along the gradient; the state counts it already.
    fn follow(&self, state: &mut SoftState, gradient: &[f32]) {
        let rate = self.learning_rate;
        match self.rule {
            Rule::Sign => {
                let sign = |g: f32| if g == 0.0 { 0.0 } else { g.signum() };
                state.vectors.iter_mut().zip(gradient).for_each(|(x, &g)| *x -= rate as f32 * sign(g));
            }
            Rule::Adam => {
                let [mean, square] = &mut state.moments;
                mean.resize(gradient.len(), 0.0);
                square.resize(gradient.len(), 0.0);
                let biased = |beta: f64| 1.0 - beta.powi(state.spent.steps as i32);
                let (first, second) = (biased(0.9), biased(0.999));
                let places = state.vectors.iter_mut().zip(gradient).zip(mean.iter_mut().zip(square));
                for ((x, &g), (m, v)) in places {
                    *m = 0.9 * *m + 0.1 * g;
                    *v = 0.999 * *v + 0.001 * g * g;
                    let by = f64::from(*m) / first / ((f64::from(*v) / second).sqrt() + 1e-8);
                    *x -= (rate * by) as f32;
                }
            }
        }
    }
}

fn mean_loss(scores: &[f32]) -> f64 {
    -scores.iter().map(|&s| f64::from(s)).sum::<f64>() / scores.len() as f64
}

/// Log-probabilities of each goal's target behind `vectors`, which may have been found on other goals.
///
/// # Errors
/// When a row is longer than the model's context.
pub fn likelihoods_behind(model: &LanguageModel, goals: &[Goal], vectors: &[f32]) -> Result<Vec<Vec<f32>>, EvalError> {
    let count = vectors.len() / model.decoder.config().hidden_size;
    let rows = goals.iter().map(|g| g.slotted(model, count)).collect::<Result<Vec<Slotted>, _>>()?;
    Ok(rows.iter().map(|row| soft_scores(model, row, vectors)).collect())
}

/// What the model answers to each goal's question behind `vectors`.
///
/// # Errors
/// When a prompt is longer than the model's context, or an answer has no text.
pub fn answers_behind(
    model: &LanguageModel,
    goals: &[Goal],
    vectors: &[f32],
    options: &Options,
) -> Result<Vec<Generation>, EvalError> {
    let count = vectors.len() / model.decoder.config().hidden_size;
    // Stands where vectors go; a hidden token would hide them.
    let blank = |goal: &Goal| vec![u32::from(goal.hidden == Some(0)); count];
    let prompts: Vec<Vec<u32>> = goals.iter().map(|g| g.prompt(&blank(g))).collect();
    let slots: Vec<Vec<usize>> = goals.iter().map(|g| g.slots(count)).collect();
    let soft = Soft { slots: &slots, vectors };
    Ok(generate_behind(model, &prompts, Some(&soft), options, |_, _| ())?.answers)
}
