//! `alt-po`

use serde::{Deserialize, Serialize};
use unlearn_engine::EngineError;
use unlearn_engine::train::{Alternative, Micro, Needs, Objective, Setup, Term};

use crate::asking::Asked;
use crate::manual::documented;
use crate::preference::{dpo, needs};
use crate::registry::Method;
use crate::{Hold, MethodError};

documented! {
    /// # Idea
    /// Prefer another plausible answer to the forget answer, one that the model itself makes up.
    ///
    /// Before training, the model is asked for other answers to each forget question; they are saved with the run, in
    /// `alternates.jsonl`. What is taught is false, and may be true of somebody else.
    ///
    /// # Objective
    /// `L = γ · mean over rows of −(2/β) log σ(β (log π(y′|x)/π₀(y′|x) − log π(y|x)/π₀(y|x))) + α · R`, with `y` the
    /// forget answer, `y′` the other one, `π₀` the reference, and probabilities of whole answers. `R` is the retain
    /// term: `retain` is one of `nll`, `kl`, `hidden` and `none`.
    ///
    /// # Paper
    /// Mekala et al., *Alternate Preference Optimization for Unlearning Factual Knowledge in Large Language Models*,
    /// 2024, arXiv 2409.13474.
    ///
    /// # Reference implementation
    /// `molereddy/Alternate-Preference-Optimization`, `dataloader.py` (`subdpo`), `generate.py`.
    ///
    /// # Defaults
    /// `beta = 0.1`, `gamma = 1`, `alpha = 1`, `retain = "nll"` (the authors' README); `alternates = 5`,
    /// `temperature = 1`, `max_new_tokens = 200`; `prompt = "…"` is our own instruction.
    ///
    /// # Deviations
    /// The factor 2/β (not in TOFU's own file) makes the gradient at the reference that of `log π(y) − log π(y′)`. Sums
    /// over answer tokens, not means. The authors train on a set five times as large for 2 epochs; here an epoch visits
    /// each question once, with one of its alternates, so that 10 epochs see the same pairs. Rows with an `alternate`
    /// of their own are not asked.
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    #[serde(default)]
    pub struct AltPo {
        /// How far the policy may go from the reference.
        pub beta: f64,
        /// Weight of the forget term.
        pub gamma: f64,
        /// How the model is asked for other answers.
        #[serde(flatten)]
        pub asking: Asked,
        /// The retain term.
        #[serde(flatten)]
        pub hold: Hold,
    }
}

impl Default for AltPo {
    fn default() -> Self {
        Self { beta: 0.1, gamma: 1.0, asking: Asked::default(), hold: Hold::default() }
    }
}

impl Method for AltPo {
    const NAME: &'static str = "alt-po";
    const PAGE: &'static str = Self::PAGE;

    fn check(&self) -> Result<(), MethodError> {
        MethodError::require(self.beta > 0.0, "beta", self.beta, "it must be positive")?;
        MethodError::require(self.gamma >= 0.0, "gamma", self.gamma, "it must not be negative")?;
        self.asking.check()?;
        self.hold.check()
    }
}

impl Objective for AltPo {
    fn prepare(&mut self, setup: &Setup<'_>) -> Result<(), EngineError> {
        self.hold.prepare(setup);
        Ok(())
    }

    fn needs(&self) -> Needs {
        needs(Alternative::OrSampled(self.asking.asked())).and(self.hold.needs())
    }

    fn forget(&self, micro: &Micro<'_>) -> Vec<Term> {
        vec![Term::new("forget-dpo", dpo(micro, self.beta), self.gamma)]
    }

    fn retain(&self, micro: &Micro<'_>) -> Vec<Term> {
        self.hold.terms(micro)
    }
}
