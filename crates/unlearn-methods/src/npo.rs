//! `npo`

use serde::{Deserialize, Serialize};
use unlearn_engine::EngineError;
use unlearn_engine::train::{Micro, Needs, Objective, Quantity, Set, Setup, Term};

use crate::manual::documented;
use crate::preference::preference;
use crate::registry::Method;
use crate::{Hold, MethodError};

documented! {
    /// # Idea
    /// Treat the forget answer as the one that is not preferred: push its probability below the reference's, and
    /// stop pushing once it is there.
    ///
    /// The gradient is gradient ascent's, each row weighted by `2 πᵝ / (πᵝ + π₀ᵝ)`: 1 at the start, 0 once the
    /// answer is forgotten. That bounds the loss and slows the collapse. The weight compares sums over the whole
    /// answer, so long answers are let go earlier than short ones.
    ///
    /// # Objective
    /// `L = γ · (2/β) · mean over rows of log(1 + (π(y|x) / π₀(y|x))ᵝ) + α · R`, with `π(y|x)` the probability of
    /// the whole answer, `π₀` the reference's, and `R` as for `grad-diff`.
    ///
    /// # Paper
    /// Zhang, Lin, Bai and Mei, *Negative Preference Optimization: From Catastrophic Collapse to Effective
    /// Unlearning*, 2024, arXiv 2404.05868.
    ///
    /// # Reference implementation
    /// `licong-lin/negative-preference-optimization`, `TOFU/dataloader.py`.
    ///
    /// # Defaults
    /// `beta = 0.1`, `gamma = 1`, `alpha = 1`, `retain = "nll"` (the authors' `TOFU/config/forget.yaml`).
    ///
    /// # Deviations
    /// The reference's sums are computed once, before the first step. The KL term counts supervised positions
    /// alone. (MUSE's `npo` is another loss: it compares raw scores over the whole vocabulary.)
    #[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
    #[serde(default)]
    pub struct Npo {
        /// How sharply the weight falls once the answer is less likely than under the reference.
        pub beta: f64,
        /// Weight of the forget term.
        pub gamma: f64,
        /// The retain term.
        #[serde(flatten)]
        pub hold: Hold,
    }
}

impl Default for Npo {
    fn default() -> Self {
        Self { beta: 0.1, gamma: 1.0, hold: Hold::default() }
    }
}

impl Method for Npo {
    const NAME: &'static str = "npo";
    const PAGE: &'static str = Self::PAGE;

    fn check(&self) -> Result<(), MethodError> {
        MethodError::require(self.beta > 0.0, "beta", self.beta, "it must be positive")?;
        MethodError::require(self.gamma >= 0.0, "gamma", self.gamma, "it must not be negative")?;
        self.hold.check()
    }
}

impl Objective for Npo {
    fn prepare(&mut self, setup: &Setup<'_>) -> Result<(), EngineError> {
        self.hold.prepare(setup);
        Ok(())
    }

    fn needs(&self) -> Needs {
        let reference = vec![(Set::Forget, Quantity::TokenLogProbs)];
        Needs { reference, ..Needs::forget_scores() }.and(self.hold.needs())
    }

    fn forget(&self, micro: &Micro<'_>) -> Vec<Term> {
        let gain = micro.sequence_log_probs() - micro.reference_sequence_log_probs();
        let value = preference(gain.neg(), self.beta).sum().div_scalar(micro.totals().rows());
        vec![Term::new("forget-npo", value, self.gamma)]
    }

    fn retain(&self, micro: &Micro<'_>) -> Vec<Term> {
        self.hold.terms(micro)
    }
}
