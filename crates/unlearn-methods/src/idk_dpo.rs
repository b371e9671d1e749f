//! `idk-dpo`

use serde::{Deserialize, Serialize};
use unlearn_engine::EngineError;
use unlearn_engine::train::{Alternative, Micro, Needs, Objective, Setup, Term};

use crate::manual::documented;
use crate::preference::{dpo, needs};
use crate::registry::Method;
use crate::{Hold, MethodError};

documented! {
    /// # Idea
    /// Prefer a refusal ("I don't know") to the forget answer.
    ///
    /// A refusal is drawn anew from a list at each visit of a row, unless the data has an `alternate` for it. Refusing
    /// spreads to questions that should be answered, and paraphrases and probes still find what the refusal hides.
    ///
    /// # Objective
    /// `L = γ · mean over rows of −(2/β) log σ(β (log π(y′|x)/π₀(y′|x) − log π(y|x)/π₀(y|x))) + α · R`, with `y` the
    /// forget answer, `y′` the other one, `π₀` the reference, and probabilities of whole answers. `R` is the retain
    /// term: `retain` is one of `nll`, `kl`, `hidden` and `none`.
    ///
    /// # Paper
    /// Maini et al., *TOFU*, 2024, arXiv 2401.06121 (DPO with refusals); Zhang et al., 2024, arXiv 2404.05868 (IdkDPO).
    ///
    /// # Reference implementation
    /// `locuslab/open-unlearning`, `src/trainer/unlearn/dpo.py` with refusals; TOFU's own `dpo` branch refers to a
    /// variable that is never set.
    ///
    /// # Defaults
    /// `beta = 0.1`, `gamma = 1`, `alpha = 1`, `retain = "nll"` (open-unlearning, NPO's authors).
    ///
    /// # Deviations
    /// The factor 2/β (not in TOFU's own file) makes the gradient at the reference that of `log π(y) − log π(y′)`. Sums
    /// over answer tokens, not means. The refusals are our own list; TOFU's has 100 sentences.
    #[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
    #[serde(default)]
    pub struct IdkDpo {
        /// How far the policy may go from the reference.
        pub beta: f64,
        /// Weight of the forget term.
        pub gamma: f64,
        /// The retain term.
        #[serde(flatten)]
        pub hold: Hold,
    }
}

impl Default for IdkDpo {
    fn default() -> Self {
        Self { beta: 0.1, gamma: 1.0, hold: Hold::default() }
    }
}

impl Method for IdkDpo {
    const NAME: &'static str = "idk-dpo";
    const PAGE: &'static str = Self::PAGE;

    fn check(&self) -> Result<(), MethodError> {
        MethodError::require(self.beta > 0.0, "beta", self.beta, "it must be positive")?;
        MethodError::require(self.gamma >= 0.0, "gamma", self.gamma, "it must not be negative")?;
        self.hold.check()
    }
}

impl Objective for IdkDpo {
    fn prepare(&mut self, setup: &Setup<'_>) -> Result<(), EngineError> {
        self.hold.prepare(setup);
        Ok(())
    }

    fn needs(&self) -> Needs {
        needs(Alternative::OrRefusals).and(self.hold.needs())
    }

    fn forget(&self, micro: &Micro<'_>) -> Vec<Term> {
        vec![Term::new("forget-dpo", dpo(micro, self.beta), self.gamma)]
    }

    fn retain(&self, micro: &Micro<'_>) -> Vec<Term> {
        self.hold.terms(micro)
    }
}
