//! `undial`

use serde::{Deserialize, Serialize};
use unlearn_engine::EngineError;
use unlearn_engine::tensor::{one_hot, softmax};
use unlearn_engine::train::{Micro, Needs, Objective, Quantity, Set, Setup, Term};

use crate::manual::documented;
use crate::registry::Method;
use crate::{Hold, MethodError, Retain};

documented! {
    /// # Idea
    /// Distil the model from itself with the true token's score lowered: what the answer loses goes to what the model
    /// would say instead.
    ///
    /// Nothing is climbed, so nothing collapses. What is second best may be sensitive too.
    ///
    /// # Objective
    /// `L = γ · (1/N) Σ CE(softmax(z₀ − β · onehot(y)), softmax(z)) + α · R` over supervised tokens, `z₀` the
    /// reference's scores. `R` is the retain term: `retain` is one of `nll`, `kl`, `hidden` and `none`.
    ///
    /// # Paper
    /// Dong et al., *UNDIAL: Self-Distillation with Adjusted Logits for Robust Unlearning in Large Language Models*,
    /// 2024, arXiv 2402.10052.
    ///
    /// # Reference implementation
    /// `dong-river/LLM_unlearning`, `utils/ft_utils.py`; `locuslab/open-unlearning`, `src/trainer/utils.py`.
    ///
    /// # Defaults
    /// `beta = 10`, `gamma = 1`, `alpha = 0`, `retain = "nll"` (open-unlearning's `UNDIAL.yaml`: no retain term).
    ///
    /// # Deviations
    /// Supervised positions alone count. Both implementations count all, prompt and padding too, and open-unlearning
    /// lowers the score of a wrong token at each of them.
    #[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
    #[serde(default)]
    pub struct Undial {
        /// What is taken from the true token's score.
        pub beta: f64,
        /// Weight of the forget term.
        pub gamma: f64,
        /// The retain term.
        #[serde(flatten)]
        pub hold: Hold,
    }
}

impl Default for Undial {
    fn default() -> Self {
        Self { beta: 10.0, gamma: 1.0, hold: Hold::new(0.0, Retain::Nll) }
    }
}

impl Method for Undial {
    const NAME: &'static str = "undial";
    const PAGE: &'static str = Self::PAGE;

    fn check(&self) -> Result<(), MethodError> {
        MethodError::require(self.beta >= 0.0, "beta", self.beta, "it must not be negative")?;
        MethodError::require(self.gamma >= 0.0, "gamma", self.gamma, "it must not be negative")?;
        self.hold.check()
    }
}

impl Objective for Undial {
    fn prepare(&mut self, setup: &Setup<'_>) -> Result<(), EngineError> {
        self.hold.prepare(setup);
        Ok(())
    }

    fn needs(&self) -> Needs {
        let reference = vec![(Set::Forget, Quantity::Distributions)];
        Needs { reference, ..Needs::forget_scores() }.and(self.hold.needs())
    }

    fn forget(&self, micro: &Micro<'_>) -> Vec<Term> {
        let reference = micro.reference_logits();
        let lowered = one_hot(micro.labels(), reference.dims()[1]).mul_scalar(-self.beta);
        let target = softmax(reference + lowered, 1);
        let value = (target * micro.log_distributions()).sum().neg().div_scalar(micro.totals().tokens());
        vec![Term::new("forget-undial", value, self.gamma)]
    }

    fn retain(&self, micro: &Micro<'_>) -> Vec<Term> {
        self.hold.terms(micro)
    }
}
