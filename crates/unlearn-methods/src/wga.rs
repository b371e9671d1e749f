//! `wga`

use serde::{Deserialize, Serialize};
use unlearn_engine::EngineError;
use unlearn_engine::train::{Micro, Needs, Objective, Setup, Term};

use crate::manual::documented;
use crate::registry::Method;
use crate::{Hold, MethodError};

documented! {
    /// # Idea
    /// Gradient ascent whose push on each token is weighted by the token's own probability, so that it ends where the
    /// answer is forgotten.
    ///
    /// With `beta` too small it collapses as plain ascent does; with `beta` too large it stops early.
    ///
    /// # Objective
    /// `L = −γ · (1/N) Σ sg(pᵝ) · ℓ + α · R` over supervised tokens; no gradient flows through the weight (`sg`). `R`
    /// is the retain term: `retain` is one of `nll`, `kl`, `hidden` and `none`.
    ///
    /// # Paper
    /// Wang et al., *Rethinking LLM Unlearning Objectives: A Gradient Perspective and Go Beyond*, 2025, arXiv
    /// 2502.19301.
    ///
    /// # Reference implementation
    /// `tmlr-group/G-effect`, `dataloader.py`; `locuslab/open-unlearning`, `src/trainer/utils.py`.
    ///
    /// # Defaults
    /// `beta = 1`, `gamma = 1`, `alpha = 1`, `retain = "nll"` (open-unlearning's `WGA.yaml`; the authors' code has 5).
    ///
    /// # Deviations
    /// None.
    #[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
    #[serde(default)]
    pub struct Wga {
        /// Power of the probability that weighs a token.
        pub beta: f64,
        /// Weight of the forget term.
        pub gamma: f64,
        /// The retain term.
        #[serde(flatten)]
        pub hold: Hold,
    }
}

impl Default for Wga {
    fn default() -> Self {
        Self { beta: 1.0, gamma: 1.0, hold: Hold::default() }
    }
}

impl Method for Wga {
    const NAME: &'static str = "wga";
    const PAGE: &'static str = Self::PAGE;

    fn check(&self) -> Result<(), MethodError> {
        MethodError::require(self.beta >= 0.0, "beta", self.beta, "it must not be negative")?;
        MethodError::require(self.gamma >= 0.0, "gamma", self.gamma, "it must not be negative")?;
        self.hold.check()
    }
}

impl Objective for Wga {
    fn prepare(&mut self, setup: &Setup<'_>) -> Result<(), EngineError> {
        self.hold.prepare(setup);
        Ok(())
    }

    fn needs(&self) -> Needs {
        Needs::forget_scores().and(self.hold.needs())
    }

    fn forget(&self, micro: &Micro<'_>) -> Vec<Term> {
        let log_probs = micro.token_log_probs();
        let weights = log_probs.clone().detach().mul_scalar(self.beta).exp();
        let value = (weights * log_probs).sum().div_scalar(micro.totals().tokens());
        vec![Term::new("forget-wga", value, self.gamma)]
    }

    fn retain(&self, micro: &Micro<'_>) -> Vec<Term> {
        self.hold.terms(micro)
    }
}
