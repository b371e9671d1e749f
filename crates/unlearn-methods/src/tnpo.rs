//! `tnpo`

use serde::{Deserialize, Serialize};
use unlearn_engine::EngineError;
use unlearn_engine::tensor::Tensor;
use unlearn_engine::train::{Micro, Needs, Objective, Quantity, Set, Setup, Term};

use crate::manual::documented;
use crate::registry::Method;
use crate::{Hold, MethodError};

documented! {
    /// # Idea
    /// NPO token by token: each token's ascent is weighted by how likely the policy still finds it, compared with the
    /// reference.
    ///
    /// With `a` above 0 the weight also falls with the probability itself (WTNPO of the paper, where `a` is 1.5).
    ///
    /// # Objective
    /// `L = −γ · (1/N) Σ sg(2 pᵝ⁺ᵃ / (pᵝ + p₀ᵝ + 10⁻⁵)) · ℓ + α · R` over supervised tokens, `p₀` the reference's
    /// probability; no gradient flows through the weight. `R` is the retain term: `retain` is one of `nll`, `kl`,
    /// `hidden` and `none`.
    ///
    /// # Paper
    /// Wang et al., *Rethinking LLM Unlearning Objectives: A Gradient Perspective and Go Beyond*, 2025, arXiv
    /// 2502.19301.
    ///
    /// # Reference implementation
    /// `tmlr-group/G-effect`, `dataloader.py`.
    ///
    /// # Defaults
    /// `beta = 4`, `a = 0` (the authors' code), `gamma = 1`, `alpha = 1`, `retain = "nll"`.
    ///
    /// # Deviations
    /// None.
    #[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
    #[serde(default)]
    pub struct Tnpo {
        /// Power of the probabilities that are compared.
        pub beta: f64,
        /// Power of the probability that weighs a token besides.
        pub a: f64,
        /// Weight of the forget term.
        pub gamma: f64,
        /// The retain term.
        #[serde(flatten)]
        pub hold: Hold,
    }
}

impl Default for Tnpo {
    fn default() -> Self {
        Self { beta: 4.0, a: 0.0, gamma: 1.0, hold: Hold::default() }
    }
}

impl Method for Tnpo {
    const NAME: &'static str = "tnpo";
    const PAGE: &'static str = Self::PAGE;

    fn check(&self) -> Result<(), MethodError> {
        MethodError::require(self.beta > 0.0, "beta", self.beta, "it must be positive")?;
        MethodError::require(self.a >= 0.0, "a", self.a, "it must not be negative")?;
        MethodError::require(self.gamma >= 0.0, "gamma", self.gamma, "it must not be negative")?;
        self.hold.check()
    }
}

impl Objective for Tnpo {
    fn prepare(&mut self, setup: &Setup<'_>) -> Result<(), EngineError> {
        self.hold.prepare(setup);
        Ok(())
    }

    fn needs(&self) -> Needs {
        let reference = vec![(Set::Forget, Quantity::TokenLogProbs)];
        Needs { reference, ..Needs::forget_scores() }.and(self.hold.needs())
    }

    fn forget(&self, micro: &Micro<'_>) -> Vec<Term> {
        let log_probs = micro.token_log_probs();
        let now = log_probs.clone().detach();
        let power = |x: Tensor<1>, by: f64| x.mul_scalar(by).exp();
        let both = power(now.clone(), self.beta) + power(micro.reference_token_log_probs(), self.beta);
        let weights = power(now, self.beta + self.a).mul_scalar(2.0) / both.add_scalar(1e-5);
        let value = (weights * log_probs).sum().div_scalar(micro.totals().tokens());
        vec![Term::new("forget-tnpo", value, self.gamma)]
    }

    fn retain(&self, micro: &Micro<'_>) -> Vec<Term> {
        self.hold.terms(micro)
    }
}
