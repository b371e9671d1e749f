//! Estimates of the diagonal of the curvature, for Sophia.

use unlearn_core::event::Step;
use unlearn_core::recipe::Curvature;
use unlearn_data::order::Visit;

use super::perturb::{Point, Stream, signed, times_signs};
use super::sampled::Sampled;
use super::worker::Worker;
use super::{Gradients, Objective, Plan, StepView};
use crate::{EngineError, LanguageModel};

/// The loss of a step, its gradient, the estimate of the curvature where one is wanted, and what the step held.
pub(super) type Taken = (Step, Gradients, Option<Gradients>, StepView);

impl Worker<'_> {
    /// The gradient of a step over these rows, and the estimate that is wanted; `None` when the user interrupts.
    pub(super) fn step(
        &mut self,
        point: Point<'_>,
        objective: &dyn Objective,
        (step, rows): (usize, (Vec<Visit>, Vec<Visit>)),
        wanted: Option<Curvature>,
    ) -> Result<Option<Taken>, EngineError> {
        let again = wanted.map(|kind| (kind, rows.clone()));
        let Some((mut event, gradients, view)) = self.gradient(point, objective, step, rows)? else { return Ok(None) };
        let Some((kind, rows)) = again else { return Ok(Some((event, gradients, None, view))) };
        let estimate = self.curvature(point, objective, kind, (step, rows), &mut event)?;
        Ok(estimate.map(|estimate| (event, gradients, Some(estimate), view)))
    }

    /// The estimate over the rows of a step; `None` when the user interrupts.
    pub(super) fn curvature(
        &mut self,
        point: Point<'_>,
        objective: &dyn Objective,
        kind: Curvature,
        (step, rows): (usize, (Vec<Visit>, Vec<Visit>)),
        event: &mut Step,
    ) -> Result<Option<Gradients>, EngineError> {
        match kind {
            Curvature::Gnb => self.gauss_newton_bartlett(point, (step, rows), event),
            Curvature::Hutchinson => self.hutchinson(point, objective, (step, rows), event),
        }
    }

    /// `B · g ⊙ g` with `g` the gradient of the mean negative log-likelihood of labels that are sampled from the policy
    /// at each of the step's `B` supervised tokens (Liu et al., 2023, algorithm 2). Its expectation is the diagonal of
    /// the Gauss-Newton matrix of the likelihood, whatever the objective: never negative, also where the loss is.
    fn gauss_newton_bartlett(
        &mut self,
        point: Point<'_>,
        (step, rows): (usize, (Vec<Visit>, Vec<Visit>)),
        event: &mut Step,
    ) -> Result<Option<Gradients>, EngineError> {
        let sampled = Sampled::new(self.needs(), self.plan.seed);
        let mut worker = self.asking(sampled.needs());
        let rows = worker.step_rows(step, rows);
        let tokens = sampled.tokens(&rows.view);
        let (mut aside, mut squares) = (Step::default(), Gradients::new(point.parameters));
        if !worker.plain(point, &sampled, &rows, (&mut aside, &mut squares))? {
            return Ok(None);
        }
        squares.settle();
        event.tokens += aside.tokens;
        let tokens = tokens as f32;
        squares.0.iter_mut().flatten().for_each(|g| *g = tokens * *g * *g);
        Ok(Some(squares))
    }

    /// `u ⊙ (H u)` with random signs `u` (Liu et al., 2023, algorithm 1). `H u` is a central difference of the gradient
    /// of the step's loss: `(∇L(θ + r u) − ∇L(θ − r u)) / 2r`, `r` such that the weights move by `radius` of their norm.
    fn hutchinson(
        &mut self,
        point: Point<'_>,
        objective: &dyn Objective,
        (step, rows): (usize, (Vec<Visit>, Vec<Visit>)),
        event: &mut Step,
    ) -> Result<Option<Gradients>, EngineError> {
        let name = format!("hutchinson/{step}");
        let stream = Stream { seed: self.plan.seed, name: &name };
        let r = self.plan.train.sophia.radius * root_mean_square(point);
        let rows = self.step_rows(step, rows);
        let mut at = |length: f64| {
            let there = signed(point.parameters, stream, length);
            let (mut aside, mut gradient) = (Step::default(), Gradients::new(point.parameters));
            let done = self.plain(point.at(&there), objective, &rows, (&mut aside, &mut gradient))?;
            event.tokens += aside.tokens;
            gradient.settle();
            Ok::<_, EngineError>(done.then_some(gradient))
        };
        let Some(mut estimate) = at(r)? else { return Ok(None) };
        let Some(behind) = at(-r)? else { return Ok(None) };
        let share = (0.5 / r) as f32;
        estimate.join(&behind, |ahead, behind| *ahead = (*ahead - behind) * share);
        times_signs(point.parameters, stream, &mut estimate);
        Ok(Some(estimate))
    }
}

/// Of the trained weights; 1 where all are zero.
fn root_mean_square(point: Point<'_>) -> f64 {
    let trained = point.parameters.trained();
    let squares = |i: &usize| point.parameters.values(*i).iter().map(|&x| f64::from(x).powi(2)).sum::<f64>();
    let sum: f64 = trained.iter().map(squares).sum();
    let n: usize = trained.iter().map(|&i| point.parameters.specs()[i].len()).sum();
    if sum > 0.0 { (sum / n as f64).sqrt() } else { 1.0 }
}

/// The estimate of the curvature at one step of a run, as the loop computes it for Sophia.
///
/// # Errors
/// When the reference's answers cannot be read, or the user interrupts.
pub fn curvature(
    model: &LanguageModel,
    objective: &dyn Objective,
    plan: &Plan<'_>,
    (kind, step): (Curvature, usize),
) -> Result<Gradients, EngineError> {
    let mut worker = Worker::new(model, objective.needs(), plan, plan.steps());
    let rows = plan.order().rows(step);
    let done = worker.curvature(Point::of(model), objective, kind, (step, rows), &mut Step::default())?;
    done.ok_or(EngineError::Interrupted { step })
}
