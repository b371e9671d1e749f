//! `alt-npo`

use serde::{Deserialize, Serialize};
use unlearn_engine::EngineError;
use unlearn_engine::train::{Alternative, Micro, Needs, Objective, Quantity, Set, Setup, Term};

use crate::asking::Asked;
use crate::manual::documented;
use crate::preference::preference;
use crate::registry::Method;
use crate::{Hold, MethodError};

documented! {
    /// # Idea
    /// Push the forget answer away as NPO does, and teach another plausible one in its place, which the model itself
    /// makes up.
    ///
    /// Before training, the model is asked for other answers to each forget question; they are saved with the run, in
    /// `alternates.jsonl`.
    ///
    /// # Objective
    /// `L = γ · NPO(forget) + ω · NLL(other answers) + α · R`, with `NPO` as in `npo` and `NLL` the mean over the
    /// step's supervised tokens; `ω` is `alternate_weight`. `R` is the retain term: `retain` is one of `nll`, `kl`,
    /// `hidden` and `none`.
    ///
    /// # Paper
    /// Mekala et al., *Alternate Preference Optimization for Unlearning Factual Knowledge in Large Language Models*,
    /// 2024, arXiv 2409.13474 (the ablation of NPO with positive feedback).
    ///
    /// # Reference implementation
    /// `molereddy/Alternate-Preference-Optimization`, `dataloader.py` (`subnpo`).
    ///
    /// # Defaults
    /// `beta = 0.1`, `gamma = 1`, `alternate_weight = 1`, `alpha = 1`, `retain = "nll"`, `alternates = 5`,
    /// `temperature = 1`, `max_new_tokens = 200` (the authors' code); `prompt = "…"` is our own instruction.
    ///
    /// # Deviations
    /// As for `alt-po`: one alternate at each visit, in turn, instead of a set five times as large.
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    #[serde(default)]
    pub struct AltNpo {
        /// How sharply the weight falls once the answer is less likely than under the reference.
        pub beta: f64,
        /// Weight of the forget term.
        pub gamma: f64,
        /// Weight of the other answers.
        pub alternate_weight: f64,
        /// How the model is asked for other answers.
        #[serde(flatten)]
        pub asking: Asked,
        /// The retain term.
        #[serde(flatten)]
        pub hold: Hold,
    }
}

impl Default for AltNpo {
    fn default() -> Self {
        Self { beta: 0.1, gamma: 1.0, alternate_weight: 1.0, asking: Asked::default(), hold: Hold::default() }
    }
}

impl Method for AltNpo {
    const NAME: &'static str = "alt-npo";
    const PAGE: &'static str = Self::PAGE;

    fn check(&self) -> Result<(), MethodError> {
        MethodError::require(self.beta > 0.0, "beta", self.beta, "it must be positive")?;
        MethodError::require(self.gamma >= 0.0, "gamma", self.gamma, "it must not be negative")?;
        MethodError::require(
            self.alternate_weight >= 0.0,
            "alternate_weight",
            self.alternate_weight,
            "it must not be negative",
        )?;
        self.asking.check()?;
        self.hold.check()
    }
}

impl Objective for AltNpo {
    fn prepare(&mut self, setup: &Setup<'_>) -> Result<(), EngineError> {
        self.hold.prepare(setup);
        Ok(())
    }

    fn needs(&self) -> Needs {
        let reference = vec![(Set::Forget, Quantity::TokenLogProbs)];
        let forget_alternates = Some(Alternative::OrSampled(self.asking.asked()));
        Needs { reference, forget_alternates, ..Needs::forget_scores() }.and(self.hold.needs())
    }

    fn forget(&self, micro: &Micro<'_>) -> Vec<Term> {
        let gain = micro.sequence_log_probs() - micro.reference_sequence_log_probs();
        let value = preference(gain.neg(), self.beta).sum().div_scalar(micro.totals().rows());
        vec![
            Term::new("forget-npo", value, self.gamma),
            Term::new("alternate-nll", micro.alternates().nll(), self.alternate_weight),
        ]
    }

    fn retain(&self, micro: &Micro<'_>) -> Vec<Term> {
        self.hold.terms(micro)
    }
}
