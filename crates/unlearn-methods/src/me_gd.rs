//! `me-gd`

use serde::{Deserialize, Serialize};
use unlearn_engine::EngineError;
use unlearn_engine::train::{Micro, Needs, Objective, Setup, Term};

use crate::manual::documented;
use crate::registry::Method;
use crate::{Hold, MethodError};

documented! {
    /// # Idea
    /// Spread the probability on the forget answers evenly over the vocabulary, and go on learning the retain set.
    ///
    /// Nothing is climbed, and no reference is asked. What comes out on forget questions is noise, which a membership
    /// test may recognise.
    ///
    /// # Objective
    /// `L = γ · (1/N) Σ KL(uniform ‖ p) + α · R` over supervised tokens. `R` is the retain term: `retain` is one of
    /// `nll`, `kl`, `hidden` and `none`.
    ///
    /// # Paper
    /// Yuan et al., *A Closer Look at Machine Unlearning for Large Language Models*, 2025, arXiv 2410.08109 (ME+GD).
    ///
    /// # Reference implementation
    /// `sail-sg/closer-look-LLM-unlearning`, `trainer/losses.py`.
    ///
    /// # Defaults
    /// `gamma = 0.1`, `alpha = 1`, `retain = "nll"` (the authors' scripts).
    ///
    /// # Deviations
    /// The answer alone is spread out; the authors' scripts also spread out the question. No 10⁻¹² is added to the
    /// probabilities.
    #[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
    #[serde(default)]
    pub struct MeGd {
        /// Weight of the forget term.
        pub gamma: f64,
        /// The retain term.
        #[serde(flatten)]
        pub hold: Hold,
    }
}

impl Default for MeGd {
    fn default() -> Self {
        Self { gamma: 0.1, hold: Hold::default() }
    }
}

impl Method for MeGd {
    const NAME: &'static str = "me-gd";
    const PAGE: &'static str = Self::PAGE;

    fn check(&self) -> Result<(), MethodError> {
        MethodError::require(self.gamma >= 0.0, "gamma", self.gamma, "it must not be negative")?;
        self.hold.check()
    }
}

impl Objective for MeGd {
    fn prepare(&mut self, setup: &Setup<'_>) -> Result<(), EngineError> {
        self.hold.prepare(setup);
        Ok(())
    }

    fn needs(&self) -> Needs {
        Needs::forget_scores().and(self.hold.needs())
    }

    fn forget(&self, micro: &Micro<'_>) -> Vec<Term> {
        let log_probs = micro.log_distributions();
        let [n, vocabulary] = log_probs.dims();
        let cross = log_probs.mean_dim(1).sum().neg().reshape([1]);
        let value = cross.sub_scalar(n as f64 * (vocabulary as f64).ln()).div_scalar(micro.totals().tokens());
        vec![Term::new("forget-entropy", value, self.gamma)]
    }

    fn retain(&self, micro: &Micro<'_>) -> Vec<Term> {
        self.hold.terms(micro)
    }
}
