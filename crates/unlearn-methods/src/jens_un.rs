//! `jens-un`

use std::f64::consts::LN_2;

use serde::{Deserialize, Serialize};
use unlearn_engine::EngineError;
use unlearn_engine::likelihood::label_log_probs;
use unlearn_engine::tensor::Tensor;
use unlearn_engine::train::{Micro, Needs, Objective, Quantity, Reads, Set, Setup, Term};

use crate::MethodError;
use crate::manual::documented;
use crate::registry::Method;

documented! {
    /// # Idea
    /// Bring the distribution over each answer token to a refusal's tokens, and hold the retain set at the reference,
    /// both by a divergence that is bounded.
    ///
    /// Gradients are bounded by construction. The paper reports good resistance to relearning on harmless data.
    ///
    /// # Objective
    /// `L = γ · (1/N) Σ JS(p ‖ onehot(r)) + α · (1/N) Σ JS(p ‖ p₀)` over the supervised tokens of the forget and the
    /// retain rows; `r` walks through the refusal's tokens, again and again. `JS(p, q) = ½ KL(p ‖ m) + ½ KL(q ‖ m)`,
    /// `m = ½ (p + q)`.
    ///
    /// # Paper
    /// Singh et al., *Unlearning That Lasts: Utility-Preserving, Robust, and Almost Irreversible Forgetting in LLMs*,
    /// 2025, arXiv 2509.02820.
    ///
    /// # Reference implementation
    /// `nmndeep/JensUn-Unlearning`, `src/trainer/utils.py`, `unlearn/jensun.py`.
    ///
    /// # Defaults
    /// `refusal = "No idea"`, `gamma = 1`, `alpha = 1` (the authors). `refusal_ids = []` gives tokens instead of a
    /// text, for models without a tokenizer.
    ///
    /// # Deviations
    /// None known.
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    pub struct JensUn {
        /// What forget answers become.
        pub refusal: String,
        /// The same as tokens.
        pub refusal_ids: Vec<u32>,
        /// Weight of the forget term.
        pub gamma: f64,
        /// Weight of the retain term.
        pub alpha: f64,
    }
}

impl Default for JensUn {
    fn default() -> Self {
        Self { refusal: "No idea".into(), refusal_ids: Vec::new(), gamma: 1.0, alpha: 1.0 }
    }
}

impl Method for JensUn {
    const NAME: &'static str = "jens-un";
    const PAGE: &'static str = Self::PAGE;

    fn check(&self) -> Result<(), MethodError> {
        MethodError::require(self.gamma >= 0.0, "gamma", self.gamma, "it must not be negative")?;
        MethodError::require(self.alpha >= 0.0, "alpha", self.alpha, "it must not be negative")
    }
}

impl Objective for JensUn {
    fn prepare(&mut self, setup: &Setup<'_>) -> Result<(), EngineError> {
        if self.refusal_ids.is_empty() {
            self.refusal_ids = setup.encode(&self.refusal, false)?.unwrap_or_default();
        }
        let vocabulary = setup.config.vocab_size;
        if self.refusal_ids.is_empty() || self.refusal_ids.iter().any(|&id| id as usize >= vocabulary) {
            let reason = format!("a refusal of one or more tokens below {vocabulary} is needed");
            let hint = "give `method.refusal`, or `method.refusal_ids` for a model without a tokenizer";
            return Err(EngineError::method("method.refusal", reason, hint));
        }
        Ok(())
    }

    fn needs(&self) -> Needs {
        let retain = if self.alpha > 0.0 { Reads::scores() } else { Reads::nothing() };
        let reference = if self.alpha > 0.0 { vec![(Set::Retain, Quantity::Distributions)] } else { Vec::new() };
        Needs { retain, reference, ..Needs::forget_scores() }
    }

    fn forget(&self, micro: &Micro<'_>) -> Vec<Term> {
        let tokens = &self.refusal_ids;
        let of_refusal = micro.per_token(|_, t| tokens[t % tokens.len()] as f32);
        let log_p = label_log_probs(micro.logits(), of_refusal.int());
        let p = log_p.clone().exp();
        // With q = onehot(r), the divergence depends on p(r) alone: log 2 + ½ (p log p − (1 + p) log(1 + p)).
        let varying = p.clone() * log_p - p.clone().add_scalar(1.0) * p.log1p();
        let [n] = varying.dims();
        let value = varying.sum().mul_scalar(0.5).add_scalar(n as f64 * LN_2).div_scalar(micro.totals().tokens());
        vec![Term::new("forget-js", value, self.gamma)]
    }

    fn retain(&self, micro: &Micro<'_>) -> Vec<Term> {
        let [ours, theirs] = [micro.log_distributions(), micro.reference_log_distributions()];
        let middle = (ours.clone().exp() + theirs.clone().exp()).mul_scalar(0.5).log();
        let half = |from: Tensor<2>| (from.clone().exp() * (from - middle.clone())).sum().mul_scalar(0.5);
        let value = (half(ours) + half(theirs)).div_scalar(micro.totals().tokens());
        vec![Term::new("retain-js", value, self.alpha)]
    }
}
