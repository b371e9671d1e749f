//! `sat-imp`

use serde::{Deserialize, Serialize};
use unlearn_engine::EngineError;
use unlearn_engine::train::{Micro, Needs, Objective, Setup, Term};

use crate::manual::documented;
use crate::registry::Method;
use crate::{Hold, MethodError};

documented! {
    /// # Idea
    /// Gradient ascent that leaves alone both the tokens that are forgotten already and those that are certain anyway.
    ///
    /// The weight of a token is largest where its probability is `β₁ / (β₁ + β₂)`.
    ///
    /// # Objective
    /// `L = −γ · (1/N) Σ sg(p^β₁ (1 − p)^β₂) · ℓ + α · R` over supervised tokens; no gradient flows through the weight.
    /// `R` is the retain term: `retain` is one of `nll`, `kl`, `hidden` and `none`.
    ///
    /// # Paper
    /// Yang et al., *Exploring Criteria of Loss Reweighting to Enhance LLM Unlearning*, 2025, arXiv 2505.11953.
    ///
    /// # Reference implementation
    /// `tmlr-group/SatImp`, `dataloader/dataloader_sat.py`; `locuslab/open-unlearning`, `src/trainer/utils.py`.
    ///
    /// # Defaults
    /// `beta1 = 5`, `beta2 = 1`, `gamma = 0.1`, `alpha = 1`, `retain = "nll"` (open-unlearning's `SatImp.yaml`; the
    /// authors have `beta2` 0.1, and their README weighs forget to retain 10 to 1).
    ///
    /// # Deviations
    /// None.
    #[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
    #[serde(default)]
    pub struct SatImp {
        /// Power of the probability.
        pub beta1: f64,
        /// Power of what is missing to 1.
        pub beta2: f64,
        /// Weight of the forget term.
        pub gamma: f64,
        /// The retain term.
        #[serde(flatten)]
        pub hold: Hold,
    }
}

impl Default for SatImp {
    fn default() -> Self {
        Self { beta1: 5.0, beta2: 1.0, gamma: 0.1, hold: Hold::default() }
    }
}

impl Method for SatImp {
    const NAME: &'static str = "sat-imp";
    const PAGE: &'static str = Self::PAGE;

    fn check(&self) -> Result<(), MethodError> {
        MethodError::require(self.beta1 >= 0.0, "beta1", self.beta1, "it must not be negative")?;
        MethodError::require(self.beta2 >= 0.0, "beta2", self.beta2, "it must not be negative")?;
        MethodError::require(self.gamma >= 0.0, "gamma", self.gamma, "it must not be negative")?;
        self.hold.check()
    }
}

impl Objective for SatImp {
    fn prepare(&mut self, setup: &Setup<'_>) -> Result<(), EngineError> {
        self.hold.prepare(setup);
        Ok(())
    }

    fn needs(&self) -> Needs {
        Needs::forget_scores().and(self.hold.needs())
    }

    fn forget(&self, micro: &Micro<'_>) -> Vec<Term> {
        let log_probs = micro.token_log_probs();
        let p = log_probs.clone().detach().exp();
        let weights =
            p.clone().powf_scalar(self.beta1) * p.neg().add_scalar(1.0).clamp_min(0.0).powf_scalar(self.beta2);
        let value = (weights * log_probs).sum().div_scalar(micro.totals().tokens());
        vec![Term::new("forget-satimp", value, self.gamma)]
    }

    fn retain(&self, micro: &Micro<'_>) -> Vec<Term> {
        self.hold.terms(micro)
    }
}
