//! `rep-select`

use serde::{Deserialize, Serialize};
use unlearn_core::recipe::{LoraSection, TrainSection};
use unlearn_engine::edit::{Bench, Edit, line_search, mlp_layers};
use unlearn_engine::linalg::svd;
use unlearn_engine::train::{FineTune, Objective, Outcome, Plan, Reference, Sets, disruption, gradient};
use unlearn_engine::{EngineError, LanguageModel, adapter};

use crate::manual::documented;
use crate::registry::Method;
use crate::{GradAscent, MethodError};

/// Which sides of a gradient are filtered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Collapse {
    /// Where activations come in and where gradients come back.
    #[default]
    Both,
    /// One of them.
    One,
}

documented! {
    /// # Idea
    /// Take the gradient that would raise the forget loss, take out of it what representations have in common, and
    /// follow the rest as far as the model's other answers bear it: one direction, one pass, no training loop.
    ///
    /// Before the gradient is taken, small adapters learn the forget set still better, so that all of the knowledge
    /// shows in it; they are thrown away. What is selective is hard to bring back by learning related text: the paper
    /// reports 4 to 50 times less of it after relearning than the strongest of five other methods, at the same
    /// disruption. It is one group's result.
    ///
    /// # Objective
    /// `G = −∇NLL(forget)` of each feed-forward matrix, with the adapters on; `G = U S Vᵀ`. Soft: the `rank` leading
    /// components are scaled by `(S_min / S)²` (with `collapse = "one"` by `S_min / S`), `S_min` the least of them; hard:
    /// they are taken out. Then `θ = θ₀ − c · G` with the largest `c` at which `KL(θ₀ ‖ θ)` on the retain set stays
    /// within `disruption`.
    ///
    /// # Paper
    /// Sondej, Yang and Mahdi, *RepSelect*, 2026, arXiv 2606.17168.
    ///
    /// # Reference implementation
    /// `filyp/open-unlearning`, `src/trainer/unlearn/repselect_simple.py`, `configs/trainer/RepSelectSimple.yaml`.
    ///
    /// # Defaults
    /// `rank = 512`, `soft = true`, `collapse = "both"`, `disruption = 0.01`, `adapter_learning_rate = 0.01`,
    /// `adapter_epochs = 1` (the authors); adapters have the width of `[train.lora]`. A set with few tokens has few
    /// components: with a `rank` above their number the least is nothing, and nothing is left.
    ///
    /// # Deviations
    /// The authors add the same vector again and again until the budget is used up; here the last multiple within it is
    /// found by bisection. The budget is measured on the retain set instead of WikiText.
    #[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    pub struct RepSelect {
        /// Components that are filtered.
        pub rank: usize,
        /// Whether they are weakened instead of taken out.
        pub soft: bool,
        /// The sides on which they are.
        pub collapse: Collapse,
        /// Divergence from the reference on the retain set that is allowed, in nats per token.
        pub disruption: f64,
        /// Learning rate of the adapters.
        pub adapter_learning_rate: f64,
        /// Epochs of the adapters; 0 leaves them out.
        pub adapter_epochs: f64,
    }
}

impl Default for RepSelect {
    fn default() -> Self {
        Self {
            rank: 512,
            soft: true,
            collapse: Collapse::Both,
            disruption: 0.01,
            adapter_learning_rate: 0.01,
            adapter_epochs: 1.0,
        }
    }
}

impl Method for RepSelect {
    const NAME: &'static str = "rep-select";
    const PAGE: &'static str = Self::PAGE;

    fn check(&self) -> Result<(), MethodError> {
        MethodError::require(self.rank > 0, "rank", 0.0, "it must be at least 1")?;
        MethodError::require(self.disruption > 0.0, "disruption", self.disruption, "it must be positive")?;
        let rate = self.adapter_learning_rate;
        MethodError::require(rate >= 0.0, "adapter_learning_rate", rate, "it must not be negative")?;
        MethodError::require(
            self.adapter_epochs >= 0.0,
            "adapter_epochs",
            self.adapter_epochs,
            "it must not be negative",
        )
    }
}

impl Edit for RepSelect {
    fn retain_rows(&self) -> bool {
        true
    }

    fn apply(&self, model: &mut LanguageModel, bench: &mut Bench<'_>) -> Result<Outcome, EngineError> {
        let places = mlp_layers(model, bench.train)?;
        bench.phase("adapters")?;
        let mut adapted = model.clone();
        self.adapt(&mut adapted, &places, bench)?;
        bench.phase("gradient")?;
        let mut gradients = ascent(&mut adapted, &places, bench)?;
        drop(adapted);
        bench.phase("filter")?;
        let before = size(&gradients);
        for &place in &places {
            bench.go_on(0)?;
            let shape = model.parameters.specs()[place].shape;
            self.filter(&mut gradients[place], shape, bench.seed)?;
        }
        if size(&gradients) <= 1e-6 * before {
            let hint = "take fewer components out: lower `method.rank` below the number of the forget set's tokens";
            return Err(EngineError::method("method.rank", "nothing is left of the gradient", hint));
        }
        bench.phase("search")?;
        let reference = bench.distributions(model)?;
        let start = model.parameters.clone();
        let farthest = line_search(self.disruption, |way| {
            bench.go_on(0)?;
            model.parameters = start.clone();
            for &place in &places {
                let g = &gradients[place];
                model.parameters.update(place, |w| w.iter_mut().zip(g).for_each(|(w, g)| *w -= way as f32 * g));
            }
            disruption(model, &reference, &bench.sets.retain, bench.train.micro_tokens)
        })?;
        model.parameters = start;
        for &place in &places {
            let g = &gradients[place];
            model.parameters.update(place, |w| w.iter_mut().zip(g).for_each(|(w, g)| *w -= farthest as f32 * g));
        }
        Ok(Outcome::default())
    }
}

impl RepSelect {
    /// Attaches adapters and lets them descend on the forget set, by plain gradient descent.
    fn adapt(&self, model: &mut LanguageModel, places: &[usize], bench: &Bench<'_>) -> Result<(), EngineError> {
        let lora = LoraSection { dropout: 0.0, ..bench.train.lora.clone() };
        let base = model.parameters.specs().len();
        adapter::attach(&mut model.parameters, places, &lora, bench.seed);
        (0..base).for_each(|i| model.parameters.set_trained(i, false));
        let section = TrainSection { epochs: self.adapter_epochs, steps: None, ..bench.train.clone() };
        let (sets, none) = (Sets::new(bench.sets.forget.clone(), Vec::new()), Reference::default());
        let (seed, stop) = (bench.seed, bench.stop);
        let plan = Plan { train: &section, seed, sets: &sets, reference: &none, state: None, watch: None, stop };
        for step in 0..plan.steps() {
            let (_, gradients) = gradient(model, &FineTune as &dyn Objective, &plan, step)?;
            let rate = self.adapter_learning_rate as f32;
            for (i, g) in gradients.0.iter().enumerate().filter(|(_, g)| !g.is_empty()) {
                model.parameters.update(i, |w| w.iter_mut().zip(g).for_each(|(w, g)| *w -= rate * g));
            }
        }
        Ok(())
    }

    /// Weakens the leading components of a gradient.
    fn filter(&self, g: &mut [f32], shape: [usize; 2], seed: u64) -> Result<(), EngineError> {
        let parts = svd(g, shape, self.rank, seed)?;
        let least = parts.s.last().copied().unwrap_or(0.0);
        let sides = if self.collapse == Collapse::Both { 2 } else { 1 };
        for ((u, s), v) in parts.u.iter().zip(&parts.s).zip(&parts.v) {
            let kept = if self.soft && *s > 0.0 { (least / s).powi(sides) } else { 0.0 };
            let taken = (s * (1.0 - kept)) as f32;
            for (row, u) in g.chunks_mut(shape[1]).zip(u) {
                row.iter_mut().zip(v).for_each(|(x, v)| *x -= taken * u * v);
            }
        }
        Ok(())
    }
}

fn size(gradients: &[Vec<f32>]) -> f64 {
    gradients.iter().flatten().map(|&x| f64::from(x).powi(2)).sum::<f64>().sqrt()
}

/// The gradient of the negated loss on the whole forget set, of the chosen weights with everything else held.
fn ascent(model: &mut LanguageModel, places: &[usize], bench: &Bench<'_>) -> Result<Vec<Vec<f32>>, EngineError> {
    (0..model.parameters.specs().len()).for_each(|i| model.parameters.set_trained(i, places.contains(&i)));
    let sets = Sets::new(bench.sets.forget.clone(), Vec::new());
    let section = TrainSection { batch_size: sets.forget.len(), steps: Some(1), ..bench.train.clone() };
    let (reference, seed, stop) = (Reference::default(), bench.seed, bench.stop);
    let plan = Plan { train: &section, seed, sets: &sets, reference: &reference, state: None, watch: None, stop };
    Ok(gradient(model, &GradAscent::default() as &dyn Objective, &plan, 0)?.1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn diagonal(s: &[f32]) -> Vec<f32> {
        let n = s.len();
        (0..n * n).map(|i| if i / n == i % n { s[i / n] } else { 0.0 }).collect()
    }

    #[test]
    fn filtering_as_the_card_says() {
        let of = |method: &RepSelect, s: &[f32]| {
            let mut g = diagonal(s);
            method.filter(&mut g, [s.len(), s.len()], 0).expect("decomposes");
            g
        };
        let close = |a: &[f32], b: &[f32]| assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-5), "{a:?}, {b:?}");
        let hard = RepSelect { soft: false, ..RepSelect::default() };
        // All of it, hard: nothing is left; and nothing more to take.
        close(&of(&hard, &[3.0, 2.0, 1.0]), &diagonal(&[0.0, 0.0, 0.0]));
        let some = RepSelect { rank: 1, ..hard };
        close(&of(&some, &[3.0, 2.0, 1.0]), &diagonal(&[0.0, 2.0, 1.0]));
        // Soft with all values alike: unchanged.
        close(&of(&RepSelect::default(), &[2.0, 2.0, 2.0]), &diagonal(&[2.0, 2.0, 2.0]));
        // Soft: S_min²/S on the diagonal; on one side S_min.
        close(&of(&RepSelect::default(), &[4.0, 2.0, 1.0]), &diagonal(&[0.25, 0.5, 1.0]));
        let one = RepSelect { collapse: Collapse::One, ..RepSelect::default() };
        close(&of(&one, &[4.0, 2.0, 1.0]), &diagonal(&[1.0, 1.0, 1.0]));
    }
}
