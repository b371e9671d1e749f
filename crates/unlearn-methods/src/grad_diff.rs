//! `grad-diff`

use serde::{Deserialize, Serialize};
use unlearn_engine::train::{Micro, Needs, Objective, Term};

use crate::grad_ascent::ascent;
use crate::manual::documented;
use crate::registry::Method;
use crate::{MethodError, Retain};

documented! {
    /// # Idea
    /// Climb on the forget set while descending on the retain set: gradient ascent with a counterweight.
    ///
    /// The retain term keeps utility, but the forget term is still unbounded: answers to forget questions turn
    /// into noise that a membership test recognises. With `retain = "kl"` it is the *KL minimisation* baseline.
    ///
    /// # Objective
    /// `L = −γ · NLL(forget) + α · R`, with `R` either `NLL(retain)` or `KL(reference ‖ policy)` on the retain set;
    /// each is a mean over the step's supervised tokens.
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
    #[serde(default, deny_unknown_fields)]
    pub struct GradDiff {
        /// Weight of the forget term.
        pub gamma: f64,
        /// Weight of the retain term.
        pub alpha: f64,
        /// The retain term.
        pub retain: Retain,
    }
}

impl Default for GradDiff {
    fn default() -> Self {
        Self { gamma: 1.0, alpha: 1.0, retain: Retain::Nll }
    }
}

impl Method for GradDiff {
    const NAME: &'static str = "grad-diff";
    const PAGE: &'static str = Self::PAGE;

    fn check(&self) -> Result<(), MethodError> {
        MethodError::require(self.gamma >= 0.0, "gamma", self.gamma, "it must not be negative")?;
        MethodError::require(self.alpha >= 0.0, "alpha", self.alpha, "it must not be negative")
    }
}

impl Objective for GradDiff {
    fn needs(&self) -> Needs {
        self.retain.needs()
    }

    fn forget(&self, micro: &Micro<'_>) -> Term {
        ascent(micro, self.gamma)
    }

    fn retain(&self, micro: &Micro<'_>) -> Option<Term> {
        self.retain.term(micro, self.alpha)
    }
}
