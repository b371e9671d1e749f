//! `idk-nll`

use serde::{Deserialize, Serialize};
use unlearn_engine::EngineError;
use unlearn_engine::train::{Alternative, Micro, Needs, Objective, Passing, Reads, Set, Setup, Term};

use crate::manual::documented;
use crate::registry::Method;
use crate::{Hold, MethodError, Retain};

documented! {
    /// # Idea
    /// Teach refusals ("I don't know") as answers to the forget questions, by plain fine-tuning.
    ///
    /// A refusal is drawn anew from a list at each visit of a row, unless the data has an `alternate` for it. What the
    /// answer was is not touched: the surface changes, and paraphrases and probes still find the knowledge. Refusing
    /// spreads to other questions.
    ///
    /// # Objective
    /// With `pooled`: `L = (γ Σ ℓ(refusals) + α Σ ℓ(retain)) / N`, sums over tokens and `N` the tokens of both in the
    /// step. Otherwise, and with another retain term than `nll`: `L = γ · NLL(refusals) + α · R`. `R` is the retain
    /// term: `retain` is one of `nll`, `kl`, `hidden` and `none`.
    ///
    /// # Paper
    /// Maini et al., *TOFU*, 2024, arXiv 2401.06121 (`idk`, preference optimisation).
    ///
    /// # Reference implementation
    /// `locuslab/tofu`, `dataloader.py` (`idk` branch).
    ///
    /// # Defaults
    /// `gamma = 1`, `alpha = 1`, `retain = "nll"`, `pooled = true` (TOFU concatenates both batches, so that long retain
    /// answers weigh more than short refusals).
    ///
    /// # Deviations
    /// The refusals are our own list; TOFU's has 100 sentences.
    #[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
    #[serde(default)]
    pub struct IdkNll {
        /// Weight of the forget term.
        pub gamma: f64,
        /// Whether refusals and retain rows share one token mean.
        pub pooled: bool,
        /// The retain term.
        #[serde(flatten)]
        pub hold: Hold,
    }
}

impl Default for IdkNll {
    fn default() -> Self {
        Self { gamma: 1.0, pooled: true, hold: Hold::default() }
    }
}

impl Method for IdkNll {
    const NAME: &'static str = "idk-nll";
    const PAGE: &'static str = Self::PAGE;

    fn check(&self) -> Result<(), MethodError> {
        MethodError::require(self.gamma >= 0.0, "gamma", self.gamma, "it must not be negative")?;
        self.hold.check()
    }
}

impl IdkNll {
    /// What turns a mean over `tokens` into its share of the mean over refusals and retain rows together.
    fn share(&self, micro: &Micro<'_>, tokens: f64) -> f64 {
        if !self.pooled || self.hold.retain != Retain::Nll || self.hold.alpha == 0.0 {
            return 1.0;
        }
        let all = [Set::ForgetAlternates, Set::Retain].map(|set| micro.step.totals(set).tokens());
        tokens / all.iter().sum::<f64>()
    }
}

impl Objective for IdkNll {
    fn prepare(&mut self, setup: &Setup<'_>) -> Result<(), EngineError> {
        self.hold.prepare(setup);
        Ok(())
    }

    fn needs(&self) -> Needs {
        Needs {
            forget: Reads::scores(),
            passing: Passing::Alternates,
            forget_alternates: Some(Alternative::OrRefusals),
            ..Needs::default()
        }
        .and(self.hold.needs())
    }

    fn forget(&self, micro: &Micro<'_>) -> Vec<Term> {
        let refusals = micro.alternates();
        let share = self.share(micro, refusals.totals().tokens());
        vec![Term::new("refusal-nll", refusals.nll().mul_scalar(share), self.gamma)]
    }

    fn retain(&self, micro: &Micro<'_>) -> Vec<Term> {
        let mut terms = self.hold.terms(micro);
        for term in terms.iter_mut().filter(|t| t.name == "retain-nll") {
            let share = self.share(micro, micro.totals().tokens());
            term.value = term.value.clone().mul_scalar(share);
        }
        terms
    }
}
