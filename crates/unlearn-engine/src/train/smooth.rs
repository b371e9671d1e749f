//! Forget gradients towards flat minima (Fan et al., 2025, arXiv 2502.05374). Retain gradients stay as they are.

use unlearn_core::event::Step;
use unlearn_core::recipe::Smoothing;

use super::perturb::{Point, Stream, moved, shaken};
use super::worker::{Item, Worker};
use super::{Gradients, Objective, Side, StepView};
use crate::EngineError;

impl Worker<'_> {
    /// The forget side's loss, and its gradient as `train.smooth` has it, `sum` being zeros before; `false` when the
    /// user interrupts.
    pub(super) fn smoothed(
        &mut self,
        point: Point<'_>,
        objective: &dyn Objective,
        (view, items): (&StepView, &[Item]),
        (event, sum): (&mut Step, &mut Gradients),
    ) -> Result<bool, EngineError> {
        let smooth = &self.plan.train.smooth;
        let (rho, penalty, samples) = (smooth.rho, smooth.penalty, smooth.samples);
        let mut side = |point: Point<'_>, event: &mut Step, sum: &mut Gradients| {
            self.side(point, objective, (view, Side::Forget), items, (event, sum))
        };
        match smooth.kind {
            Smoothing::None => return side(point, event, sum),
            Smoothing::Sam => {
                // ∇L(θ + ρ g/‖g‖)
                let mut here = Gradients::new(point.parameters);
                if !side(point, event, &mut here)? {
                    return Ok(false);
                }
                here.settle();
                let norm = here.norm();
                if !is_direction(norm) {
                    *sum = here;
                    return Ok(true);
                }
                let there = moved(point.parameters, &here, rho / norm);
                drop(here);
                let mut aside = Step::default();
                let done = side(point.at(&there), &mut aside, sum)?;
                event.tokens += aside.tokens;
                return Ok(done);
            }
            Smoothing::Random => {
                // The mean over z of ∇L(θ + ρ z), z from N(0, 1).
                let mut mean = Step::default();
                for sample in 0..samples {
                    let name = format!("smooth/{}/{sample}", view.step);
                    let there = shaken(point.parameters, Stream { seed: self.plan.seed, name: &name }, rho);
                    let of_side = (view, Side::Forget);
                    if !self.side(point.at(&there), objective, of_side, items, (&mut mean, sum))? {
                        return Ok(false);
                    }
                }
                sum.scale(1.0 / samples as f64);
                event.tokens += mean.tokens;
                event.loss += mean.loss / samples as f64;
                for (name, value) in mean.terms {
                    *event.terms.entry(name).or_default() += value / samples as f64;
                }
            }
            Smoothing::GradientPenalty => {
                // ∇(L + λ‖∇L‖) = g + λ H g/‖g‖, with H g/‖g‖ = (∇L(θ + ρ g/‖g‖) − g) / ρ (Zhao et al., 2022, equation 6).
                if !side(point, event, sum)? {
                    return Ok(false);
                }
                sum.settle();
                let norm = sum.norm();
                if !is_direction(norm) {
                    return Ok(true);
                }
                let there = moved(point.parameters, sum, rho / norm);
                let (mut aside, mut ahead) = (Step::default(), Gradients::new(point.parameters));
                if !side(point.at(&there), &mut aside, &mut ahead)? {
                    return Ok(false);
                }
                ahead.settle();
                let share = (penalty / rho) as f32;
                sum.join(&ahead, |g, ahead| *g += share * (ahead - *g));
                event.tokens += aside.tokens;
                event.loss += penalty * norm;
                event.terms.insert("gradient-norm".to_owned(), norm);
            }
        }
        Ok(true)
    }
}

/// A gradient that is zero, or no number, leads nowhere.
fn is_direction(norm: f64) -> bool {
    norm > 0.0 && norm.is_finite()
}
