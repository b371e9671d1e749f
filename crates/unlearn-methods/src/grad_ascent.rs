//! `grad-ascent`

use serde::{Deserialize, Serialize};
use unlearn_engine::train::{Micro, Needs, Objective, Term};

use crate::MethodError;
use crate::manual::documented;
use crate::registry::Method;

documented! {
    /// # Idea
    /// Climb the loss that training descended: raise the negative log-likelihood of the forget answers.
    ///
    /// It is the baseline that every other method is measured against. The loss has no lower bound, and its
    /// gradient does not fade as the answer becomes unlikely, so the model collapses after a few epochs.
    ///
    /// # Objective
    /// `L = −γ · NLL(forget)`, with `NLL` the mean over the step's supervised tokens.
    ///
    /// # Paper
    /// Jang et al., *Knowledge Unlearning for Mitigating Privacy Risks in Language Models*, 2022, arXiv 2210.01504.
    ///
    /// # Reference implementation
    /// `locuslab/open-unlearning`, `src/trainer/unlearn/grad_ascent.py`.
    ///
    /// # Defaults
    /// `gamma = 1` (the paper has no weight).
    ///
    /// # Deviations
    /// None: `gamma = 1` is the published loss. It only scales the gradient, which AdamW undoes but clipping does not.
    #[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    pub struct GradAscent {
        /// Weight of the forget term.
        pub gamma: f64,
    }
}

impl Default for GradAscent {
    fn default() -> Self {
        Self { gamma: 1.0 }
    }
}

impl Method for GradAscent {
    const NAME: &'static str = "grad-ascent";
    const PAGE: &'static str = Self::PAGE;

    fn check(&self) -> Result<(), MethodError> {
        MethodError::require(self.gamma > 0.0, "gamma", self.gamma, "it must be positive")
    }
}

impl Objective for GradAscent {
    fn needs(&self) -> Needs {
        Needs::forget_scores()
    }

    fn forget(&self, micro: &Micro<'_>) -> Vec<Term> {
        vec![ascent(micro, self.gamma)]
    }

    fn retain(&self, _: &Micro<'_>) -> Vec<Term> {
        Vec::new()
    }
}

/// `−NLL` of the forget answers: mean over the step's supervised tokens.
pub(crate) fn ascent(micro: &Micro<'_>, gamma: f64) -> Term {
    Term::new("forget-ascent", micro.nll().neg(), gamma)
}
