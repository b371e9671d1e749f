//! `grad-diff`

use serde::{Deserialize, Serialize};
use unlearn_engine::EngineError;
use unlearn_engine::train::{Micro, Needs, Objective, Setup, Term};

use crate::grad_ascent::ascent;
use crate::manual::documented;
use crate::registry::Method;
use crate::{Hold, MethodError};

documented! {
    /// # Idea
    /// Climb on the forget set while descending on the retain set: gradient ascent with a counterweight.
    ///
    /// The retain term keeps utility, but the forget term is still unbounded: answers to forget questions turn
    /// into noise that a membership test recognises. With `retain = "kl"` it is the *KL minimisation* baseline.
    ///
    /// # Objective
    /// `L = −γ · NLL(forget) + α · R`, with `R` one of `NLL(retain)`, `KL(reference ‖ policy)` and the distance of
    /// hidden states from the reference's, on the retain set; `NLL` and
    /// `KL` are means over the step's supervised tokens.
    ///
    /// # Paper
    /// Liu, Liu and Stone, *Continual Learning and Private Unlearning*, 2022; Maini et al., *TOFU*, 2024,
    /// arXiv 2401.06121 (`grad_diff`, `KL`).
    ///
    /// # Reference implementation
    /// `locuslab/open-unlearning`, `src/trainer/unlearn/grad_diff.py`.
    ///
    /// # Defaults
    /// `gamma = 1`, `alpha = 1`, `retain = "nll"` (open-unlearning's `GradDiff.yaml`).
    ///
    /// # Deviations
    /// The KL term counts supervised positions alone; published code also counts prompt and padding. MUSE's code
    /// feeds raw scores where log-probabilities belong; here they are log-probabilities.
    #[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
    #[serde(default)]
    pub struct GradDiff {
        /// Weight of the forget term.
        pub gamma: f64,
        /// The retain term.
        #[serde(flatten)]
        pub hold: Hold,
    }
}

impl Default for GradDiff {
    fn default() -> Self {
        Self { gamma: 1.0, hold: Hold::default() }
    }
}

impl Method for GradDiff {
    const NAME: &'static str = "grad-diff";
    const PAGE: &'static str = Self::PAGE;

    fn check(&self) -> Result<(), MethodError> {
        MethodError::require(self.gamma >= 0.0, "gamma", self.gamma, "it must not be negative")?;
        self.hold.check()
    }
}

impl Objective for GradDiff {
    fn prepare(&mut self, setup: &Setup<'_>) -> Result<(), EngineError> {
        self.hold.prepare(setup);
        Ok(())
    }

    fn needs(&self) -> Needs {
        Needs::forget_scores().and(self.hold.needs())
    }

    fn forget(&self, micro: &Micro<'_>) -> Vec<Term> {
        vec![ascent(micro, self.gamma)]
    }

    fn retain(&self, micro: &Micro<'_>) -> Vec<Term> {
        self.hold.terms(micro)
    }
}
