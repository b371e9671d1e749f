//! `llmu`

use serde::{Deserialize, Serialize};
use unlearn_engine::EngineError;
use unlearn_engine::train::{Alternative, Micro, Needs, Objective, Setup, Term, View};

use crate::manual::documented;
use crate::registry::Method;
use crate::{Hold, MethodError, Retain};

documented! {
    /// # Idea
    /// Climb on the forget answers, teach random answers of other questions in their place, and stay with the reference
    /// on the retain set.
    ///
    /// # Objective
    /// `L = ε₁ · mean over rows of −ℓ̄(forget) + ε₂ · mean over rows of ℓ̄(mismatched) + α · R`, with `ℓ̄` the answer's
    /// mean negative log-likelihood per token; ε₃ of the paper is `alpha`. `R` is the retain term: `retain` is one of
    /// `nll`, `kl`, `hidden` and `none`.
    ///
    /// # Paper
    /// Yao, Xu and Liu, *Large Language Model Unlearning*, 2023, arXiv 2310.10683, equations 1 to 5.
    ///
    /// # Reference implementation
    /// `kevinyaobytedance/llm_unlearn`, `unlearn_harm.py`, `utils.py`.
    ///
    /// # Defaults
    /// `epsilon1 = 0.5`, `epsilon2 = 1`, `mismatches = 5`, `alpha = 1`, `retain = "kl"` (the authors' code).
    ///
    /// # Deviations
    /// Each forget row gets its own `mismatches` random answers at each visit; the code draws one set for the whole
    /// batch. Only the answer is taught: the code's mask begins after two tokens. The KL term counts supervised
    /// positions alone, and is a divergence (the code leaves out the reference's entropy, a constant).
    #[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
    #[serde(default)]
    pub struct Llmu {
        /// Weight of the ascent on the forget answers.
        pub epsilon1: f64,
        /// Weight of the random answers.
        pub epsilon2: f64,
        /// Random answers for each forget question.
        pub mismatches: usize,
        /// The retain term.
        #[serde(flatten)]
        pub hold: Hold,
    }
}

impl Default for Llmu {
    fn default() -> Self {
        Self { epsilon1: 0.5, epsilon2: 1.0, mismatches: 5, hold: Hold::new(1.0, Retain::Kl) }
    }
}

impl Method for Llmu {
    const NAME: &'static str = "llmu";
    const PAGE: &'static str = Self::PAGE;

    fn check(&self) -> Result<(), MethodError> {
        MethodError::require(self.epsilon1 >= 0.0, "epsilon1", self.epsilon1, "it must not be negative")?;
        MethodError::require(self.epsilon2 >= 0.0, "epsilon2", self.epsilon2, "it must not be negative")?;
        MethodError::require(self.mismatches > 0, "mismatches", 0.0, "it must be at least 1")?;
        self.hold.check()
    }
}

impl Objective for Llmu {
    fn prepare(&mut self, setup: &Setup<'_>) -> Result<(), EngineError> {
        self.hold.prepare(setup);
        Ok(())
    }

    fn needs(&self) -> Needs {
        let forget_alternates = Some(Alternative::Mismatched(self.mismatches));
        Needs { forget_alternates, ..Needs::forget_scores() }.and(self.hold.needs())
    }

    fn forget(&self, micro: &Micro<'_>) -> Vec<Term> {
        let mean = |view: &View<'_>| view.means(view.token_log_probs()).sum().div_scalar(view.totals().rows());
        vec![
            Term::new("forget-ascent", mean(micro), self.epsilon1),
            Term::new("mismatch-nll", mean(micro.alternates()).neg(), self.epsilon2),
        ]
    }

    fn retain(&self, micro: &Micro<'_>) -> Vec<Term> {
        self.hold.terms(micro)
    }
}
