//! `ce-u`

use serde::{Deserialize, Serialize};
use unlearn_engine::EngineError;
use unlearn_engine::tensor::{log_softmax, one_hot, softmax};
use unlearn_engine::train::{Micro, Needs, Objective, Setup, Term};

use crate::manual::documented;
use crate::registry::Method;
use crate::{Hold, MethodError, Retain};

documented! {
    /// # Idea
    /// Fit the policy's own distribution with the true token struck out: the answer loses its probability to all other
    /// tokens, as they stand.
    ///
    /// The gradient of the true token's score is its probability: it vanishes as the token is forgotten.
    ///
    /// # Objective
    /// `L = γ · (1/N) Σ CE(sg(softmax(z without the true token)), softmax(z)) + α · R` over supervised tokens, the
    /// first `ignore_first_n_answer_tokens` of each answer left out. `R` is the retain term: `retain` is one of `nll`,
    /// `kl`, `hidden` and `none`.
    ///
    /// # Paper
    /// Yang, *CE-U: Cross Entropy Unlearning*, 2025, arXiv 2503.01224.
    ///
    /// # Reference implementation
    /// `locuslab/open-unlearning`, `src/trainer/unlearn/ceu.py`.
    ///
    /// # Defaults
    /// `ignore_first_n_answer_tokens = 1`, `gamma = 1`, `alpha = 1`, `retain = "none"` (open-unlearning: no retain
    /// data).
    ///
    /// # Deviations
    /// None.
    #[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
    #[serde(default)]
    pub struct CeU {
        /// Answer tokens at the beginning that are left as they are.
        pub ignore_first_n_answer_tokens: usize,
        /// Weight of the forget term.
        pub gamma: f64,
        /// The retain term.
        #[serde(flatten)]
        pub hold: Hold,
    }
}

impl Default for CeU {
    fn default() -> Self {
        Self { ignore_first_n_answer_tokens: 1, gamma: 1.0, hold: Hold::new(1.0, Retain::None) }
    }
}

impl Method for CeU {
    const NAME: &'static str = "ce-u";
    const PAGE: &'static str = Self::PAGE;

    fn check(&self) -> Result<(), MethodError> {
        MethodError::require(self.gamma >= 0.0, "gamma", self.gamma, "it must not be negative")?;
        self.hold.check()
    }
}

impl Objective for CeU {
    fn prepare(&mut self, setup: &Setup<'_>) -> Result<(), EngineError> {
        self.hold.prepare(setup);
        Ok(())
    }

    fn needs(&self) -> Needs {
        Needs::forget_scores().and(self.hold.needs())
    }

    fn forget(&self, micro: &Micro<'_>) -> Vec<Term> {
        let logits = micro.logits();
        let [n, vocabulary] = logits.dims();
        // Far below any score, and still finite: its exponential is zero.
        let struck = one_hot(micro.labels(), vocabulary).mul_scalar(-1e9);
        let target = softmax(logits.clone().detach() + struck, 1);
        let losses = (target * log_softmax(logits, 1)).sum_dim(1).neg().reshape([n]);
        let skip = self.ignore_first_n_answer_tokens;
        let counted = micro.per_token(|_, t| if t < skip { 0.0 } else { 1.0 });
        let value = (losses * counted).sum().div_scalar(micro.totals().tokens_after(skip).max(1.0));
        vec![Term::new("forget-ceu", value, self.gamma)]
    }

    fn retain(&self, micro: &Micro<'_>) -> Vec<Term> {
        self.hold.terms(micro)
    }
}
