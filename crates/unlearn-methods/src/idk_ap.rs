//! `idk-ap`

use serde::{Deserialize, Serialize};
use unlearn_engine::EngineError;
use unlearn_engine::train::{Alternative, Micro, Needs, Objective, Passing, Reads, Setup, Term};

use crate::manual::documented;
use crate::preference::preference;
use crate::registry::Method;
use crate::{Hold, MethodError, Retain};

documented! {
    /// # Idea
    /// Teach refusals on the forget questions, and on the retain questions keep the real answer likelier than a
    /// refusal.
    ///
    /// A refusal is drawn anew from a list at each visit of a row, unless the data has an `alternate` for it.
    ///
    /// # Objective
    /// `L = γ · NLL(refusals) + κ · mean over retain rows of −(1/β) log σ(β (log π(y|x) − log π(refusal|x))) + α · R`,
    /// with probabilities of whole answers; `κ` is `preservation`. `R` is the retain term: `retain` is one of `nll`,
    /// `kl`, `hidden` and `none`.
    ///
    /// # Paper
    /// Yuan et al., *A Closer Look at Machine Unlearning for Large Language Models*, 2025, arXiv 2410.08109 (IDK+AP).
    ///
    /// # Reference implementation
    /// `sail-sg/closer-look-LLM-unlearning`, `trainer/losses.py`.
    ///
    /// # Defaults
    /// `beta = 0.1`, `gamma = 1`, `preservation = 1`, `alpha = 1`, `retain = "none"` (the authors' scripts).
    ///
    /// # Deviations
    /// The refusals are our own list.
    #[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
    #[serde(default)]
    pub struct IdkAp {
        /// How sharply the preference for the real answer is felt.
        pub beta: f64,
        /// Weight of the forget term.
        pub gamma: f64,
        /// Weight of the preference for the real answer.
        pub preservation: f64,
        /// The retain term.
        #[serde(flatten)]
        pub hold: Hold,
    }
}

impl Default for IdkAp {
    fn default() -> Self {
        Self { beta: 0.1, gamma: 1.0, preservation: 1.0, hold: Hold::new(1.0, Retain::None) }
    }
}

impl Method for IdkAp {
    const NAME: &'static str = "idk-ap";
    const PAGE: &'static str = Self::PAGE;

    fn check(&self) -> Result<(), MethodError> {
        MethodError::require(self.beta > 0.0, "beta", self.beta, "it must be positive")?;
        MethodError::require(self.gamma >= 0.0, "gamma", self.gamma, "it must not be negative")?;
        MethodError::require(self.preservation >= 0.0, "preservation", self.preservation, "it must not be negative")?;
        self.hold.check()
    }
}

impl Objective for IdkAp {
    fn prepare(&mut self, setup: &Setup<'_>) -> Result<(), EngineError> {
        self.hold.prepare(setup);
        Ok(())
    }

    fn needs(&self) -> Needs {
        Needs {
            forget: Reads::scores(),
            retain: Reads::scores(),
            passing: Passing::Alternates,
            forget_alternates: Some(Alternative::OrRefusals),
            retain_alternates: Some(Alternative::OrRefusals),
            ..Needs::default()
        }
        .and(self.hold.needs())
    }

    fn forget(&self, micro: &Micro<'_>) -> Vec<Term> {
        vec![Term::new("refusal-nll", micro.alternates().nll(), self.gamma)]
    }

    fn retain(&self, micro: &Micro<'_>) -> Vec<Term> {
        let margin = micro.sequence_log_probs() - micro.alternates().sequence_log_probs();
        let value = preference(margin, self.beta).sum().div_scalar(2.0 * micro.totals().rows());
        let mut terms = vec![Term::new("answer-preservation", value, self.preservation)];
        terms.extend(self.hold.terms(micro));
        terms
    }
}
