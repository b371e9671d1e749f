//! What a run has to do, and how long that takes: counted and measured before it begins.

use std::sync::atomic::AtomicBool;
use std::time::Instant;

use unlearn_core::recipe::TrainSection;
use unlearn_data::TokenRow;

use super::run::{order_of, steps_of};
use super::{Alternates, Needs, Objective, Plan, Question, Reference, Sets, Side, gradient};
use crate::{EngineError, LanguageModel};

/// What a run has to do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Workload {
    /// Optimiser steps.
    pub steps: usize,
    /// Optimiser steps in a pass over the forget set.
    pub per_epoch: usize,
    /// Tokens that go through the model, padding not counted: what the steps' events will add up to.
    pub tokens: u64,
}

impl Workload {
    /// Of a run over these rows.
    #[must_use]
    pub fn of(needs: &Needs, train: &TrainSection, sets: &Sets, seed: u64) -> Self {
        let mut order = order_of(train, sets, seed);
        let (steps, per_epoch) = (steps_of(train, sets, seed), order.per_epoch());
        let mut tokens = 0;
        for step in 0..steps {
            let (forget, retain) = order.rows(step);
            for (side, visits) in [(Side::Forget, forget), (Side::Retain, retain)] {
                if needs.reads(side).is_nothing() {
                    continue;
                }
                let ([own, alternates], [passing_own, passing_others]) = (side.sets(), needs.passing_of(side));
                let length = |set, i: usize| sets.rows(set)[i].ids.len() as u64;
                for visit in visits {
                    tokens += if passing_own { length(own, visit.row) } else { 0 };
                    if passing_others && needs.alternates(side).is_some() {
                        let places = sets.alternates(side).at(visit.row, visit.pass);
                        tokens += places.into_iter().map(|i| length(alternates, i)).sum::<u64>();
                    }
                }
            }
        }
        Self { steps, per_epoch, tokens }
    }
}

/// Seconds that a token takes forwards and backwards: measured on a micro-batch of rows of middling length, the faster of
/// two times. The model is left as it is.
///
/// # Errors
/// When the reference fails.
pub fn seconds_per_token(
    model: &LanguageModel,
    objective: &dyn Objective,
    train: &TrainSection,
    sets: &Sets,
) -> Result<f64, EngineError> {
    let needs = objective.needs();
    let middling = middling(&sets.forget);
    let length = middling.iter().map(|&i| sets.forget[i].ids.len()).max().unwrap_or(1).max(1);
    let rows = (train.micro_tokens / length).clamp(1, train.batch_size);
    let side = |side: Side| {
        let (all, others) = (sets.rows(side.sets()[0]), sets.alternates(side));
        let chosen = self::middling(all).into_iter().take(rows);
        let alternates = |i: usize| others.at(i, 0).into_iter().map(|a| others.rows()[a].clone()).collect();
        let (own, other): (Vec<TokenRow>, Vec<Vec<TokenRow>>) = chosen.map(|i| (all[i].clone(), alternates(i))).unzip();
        (own, if others.is_empty() { Alternates::default() } else { Alternates::new(other, others.per_visit()) })
    };
    let ((forget, forget_alternates), (retain, retain_alternates)) = (side(Side::Forget), side(Side::Retain));
    let few = Sets { forget, retain, forget_alternates, retain_alternates, ..Sets::default() };
    let section = TrainSection { batch_size: few.forget.len().max(1), steps: Some(1), shuffle: false, ..train.clone() };
    let question = Question::new(&needs, &few, train.micro_tokens);
    let reference = Reference::ask(model, &question, &mut |_, _| Ok(()))?;
    let stop = AtomicBool::new(false);
    let plan =
        Plan { train: &section, seed: 0, sets: &few, reference: &reference, state: None, watch: None, stop: &stop };
    let mut least = f64::MAX;
    for _ in 0..2 {
        let began = Instant::now();
        let (step, _) = gradient(model, objective, &plan, 0)?;
        least = least.min(began.elapsed().as_secs_f64() / step.tokens.max(1) as f64);
    }
    Ok(least)
}

/// Places of rows, those of middling length first.
fn middling(rows: &[TokenRow]) -> Vec<usize> {
    let mut places: Vec<usize> = (0..rows.len()).collect();
    places.sort_by_key(|&i| rows[i].ids.len());
    let median = places.get(places.len() / 2).map_or(0, |&i| rows[i].ids.len());
    places.sort_by_key(|&i| rows[i].ids.len().abs_diff(median));
    places
}
