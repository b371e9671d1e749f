//! `circuit-breaker`

use serde::{Deserialize, Serialize};
use unlearn_engine::EngineError;
use unlearn_engine::tensor::relu;
use unlearn_engine::train::{Inner, Micro, Needs, Objective, Quantity, Reads, Set, Setup, Term};

use crate::MethodError;
use crate::layer::{as_deep_as, checked};
use crate::manual::documented;
use crate::registry::Method;

documented! {
    /// # Idea
    /// Turn the hidden states of the forget text at some layers away from where they were, until they stand at right
    /// angles, and keep those of the retain text: representation rerouting.
    ///
    /// The weight moves from the forget to the retain term in the course of the run. Attacks on embeddings and a little
    /// fine-tuning undo it.
    ///
    /// # Objective
    /// `L = c_f · mean relu(cos(h, h₀))(forget) + c_r · mean ‖h − h₀‖(retain)`, the first over the tokens and the
    /// `layers`, the second over the tokens and all layers; `h₀` are the reference's states. After `s` of `S` steps
    /// `c_r = α s/(2S)` and `c_f = α (1 − s/(2S))`.
    ///
    /// # Paper
    /// Zou et al., *Improving Alignment and Robustness with Circuit Breakers*, 2024, arXiv 2406.04313.
    ///
    /// # Reference implementation
    /// `GraySwanAI/circuit-breakers`, `src/lorra_circuit_breaker.py`.
    ///
    /// # Defaults
    /// `layers = []` takes those as deep as 10 and 20 of 32, `alpha = 10` (the authors, for Llama-3-8B). The authors
    /// train adapters of rank 16 up to the deepest of the layers: `train.adapter = "lora"`.
    ///
    /// # Deviations
    /// The answer's tokens count; the authors count whole padded sequences, and the embeddings among the layers of the
    /// retain term. The schedule follows the run's length; theirs is made for 300 steps, of which 150 are taken.
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    pub struct CircuitBreaker {
        /// Blocks whose outputs are turned away.
        pub layers: Vec<usize>,
        /// Weight of both terms.
        pub alpha: f64,
        /// The blocks, found.
        #[serde(skip)]
        at: Vec<usize>,
        /// Blocks in all.
        #[serde(skip)]
        all: usize,
    }
}

impl Default for CircuitBreaker {
    fn default() -> Self {
        Self { layers: Vec::new(), alpha: 10.0, at: Vec::new(), all: 0 }
    }
}

impl Method for CircuitBreaker {
    const NAME: &'static str = "circuit-breaker";
    const PAGE: &'static str = Self::PAGE;

    fn check(&self) -> Result<(), MethodError> {
        MethodError::require(self.alpha > 0.0, "alpha", self.alpha, "it must be positive")
    }
}

impl CircuitBreaker {
    /// Half of the way that the run has gone.
    fn progress(micro: &Micro<'_>) -> f64 {
        0.5 * micro.step.step as f64 / micro.step.steps.max(1) as f64
    }
}

impl Objective for CircuitBreaker {
    fn prepare(&mut self, setup: &Setup<'_>) -> Result<(), EngineError> {
        self.all = setup.config.layers.len();
        self.at = match self.layers.is_empty() {
            true => [10, 20].map(|layer| as_deep_as(layer, setup)).to_vec(),
            false => self.layers.iter().map(|&l| checked(l, setup)).collect::<Result<_, _>>()?,
        };
        self.at.dedup();
        Ok(())
    }

    fn needs(&self) -> Needs {
        let turned: Vec<Inner> = self.at.iter().copied().map(Inner::Block).collect();
        let kept: Vec<Inner> = (0..self.all).map(Inner::Block).collect();
        let asked = |set: Set, states: &[Inner]| states.iter().map(|&s| (set, Quantity::Inner(s))).collect::<Vec<_>>();
        let reference = [asked(Set::Forget, &turned), asked(Set::Retain, &kept)].concat();
        Needs { forget: Reads::inner(turned), retain: Reads::inner(kept), reference, ..Needs::default() }
    }

    fn forget(&self, micro: &Micro<'_>) -> Vec<Term> {
        let cosine = |&layer: &usize| {
            let (now, before) = (micro.inner(Inner::Block(layer)), micro.reference_inner(Inner::Block(layer)));
            let lengths = (now.clone().square().sum_dim(1) * before.clone().square().sum_dim(1)).sqrt();
            relu((now * before).sum_dim(1) / lengths.clamp_min(1e-8)).sum()
        };
        let total = self.at.iter().map(cosine).reduce(|a, b| a + b);
        let share = 1.0 / (self.at.len() as f64 * micro.totals().tokens());
        let weight = self.alpha * (1.0 - Self::progress(micro));
        total.map(|t| Term::new("forget-cosine", t.mul_scalar(share), weight)).into_iter().collect()
    }

    fn retain(&self, micro: &Micro<'_>) -> Vec<Term> {
        let distance = |layer: usize| {
            let gap = micro.inner(Inner::Block(layer)) - micro.reference_inner(Inner::Block(layer));
            // The root of zero has no slope; what is added does not show.
            gap.square().sum_dim(1).add_scalar(1e-12).sqrt().sum()
        };
        let total = (0..self.all).map(distance).reduce(|a, b| a + b);
        let share = 1.0 / (self.all as f64 * micro.totals().tokens());
        let weight = self.alpha * Self::progress(micro);
        total.map(|t| Term::new("retain-distance", t.mul_scalar(share), weight)).into_iter().collect()
    }
}
