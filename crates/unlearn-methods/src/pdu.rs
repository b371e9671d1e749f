//! `pdu`

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use unlearn_engine::train::{Micro, Needs, Objective, Reads, StepView, Term};

use crate::MethodError;
use crate::manual::documented;
use crate::registry::Method;

documented! {
    /// # Idea
    /// Flatten the scores on the forget answers, subject to a retain loss below a bound: the retain term's weight rises
    /// while the bound is broken, and falls while it is kept.
    ///
    /// # Objective
    /// `L = γ · (1/N) Σ (max z − mean z)² + λ · (NLL(retain) − ε)` over supervised tokens. After each step from epoch
    /// `dual_warmup` on, `λ ← max(0, λ + η (NLL(retain) − ε))`; `λ` begins at `alpha`, `ε` is `retain_loss_eps`, `η` is
    /// `dual_step_size`.
    ///
    /// # Paper
    /// Entesari et al., *Constrained Entropic Unlearning: A Primal-Dual Framework for Large Language Models*, 2025,
    /// arXiv 2506.05314.
    ///
    /// # Reference implementation
    /// `locuslab/open-unlearning`, `src/trainer/unlearn/pdu.py`, `community/methods/PDU`.
    ///
    /// # Defaults
    /// `gamma = 1`, `alpha = 1`, `dual_step_size = 1`, `dual_warmup = 5` (open-unlearning's `PDU.yaml`),
    /// `retain_loss_eps = 0.3` (the authors' script for TOFU; a little above the retain loss before unlearning).
    ///
    /// # Deviations
    /// Scores are looked at where a label is predicted; the implementation's mask is not shifted.
    #[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    pub struct Pdu {
        /// Weight of the forget term.
        pub gamma: f64,
        /// Weight of the retain term at the start.
        pub alpha: f64,
        /// Bound on the retain loss.
        pub retain_loss_eps: f64,
        /// How fast the weight of the retain term follows.
        pub dual_step_size: f64,
        /// Epochs before it first moves.
        pub dual_warmup: f64,
        /// The weight, once it has moved.
        #[serde(skip)]
        dual: Option<f64>,
    }
}

impl Default for Pdu {
    fn default() -> Self {
        Self { gamma: 1.0, alpha: 1.0, retain_loss_eps: 0.3, dual_step_size: 1.0, dual_warmup: 5.0, dual: None }
    }
}

impl Method for Pdu {
    const NAME: &'static str = "pdu";
    const PAGE: &'static str = Self::PAGE;

    fn check(&self) -> Result<(), MethodError> {
        MethodError::require(self.gamma >= 0.0, "gamma", self.gamma, "it must not be negative")?;
        MethodError::require(self.alpha >= 0.0, "alpha", self.alpha, "it must not be negative")?;
        MethodError::require(
            self.dual_step_size >= 0.0,
            "dual_step_size",
            self.dual_step_size,
            "it must not be negative",
        )?;
        MethodError::require(self.dual_warmup >= 0.0, "dual_warmup", self.dual_warmup, "it must not be negative")
    }
}

impl Objective for Pdu {
    fn needs(&self) -> Needs {
        Needs { retain: Reads::scores(), ..Needs::forget_scores() }
    }

    fn forget(&self, micro: &Micro<'_>) -> Vec<Term> {
        let logits = micro.logits();
        let [n, _] = logits.dims();
        let margin = (logits.clone().max_dim(1) - logits.mean_dim(1)).reshape([n]);
        let value = margin.square().sum().div_scalar(micro.totals().tokens());
        vec![Term::new("forget-margin", value, self.gamma)]
    }

    fn retain(&self, micro: &Micro<'_>) -> Vec<Term> {
        let share = micro.answers().iter().sum::<usize>() as f64 / micro.totals().tokens();
        let over = micro.nll().sub_scalar(self.retain_loss_eps * share);
        vec![Term::new("retain-over", over, self.dual.unwrap_or(self.alpha))]
    }

    fn after_step(&mut self, step: &StepView, terms: &BTreeMap<String, f64>) {
        let epoch = (step.step + 1) as f64 / step.per_epoch as f64;
        if epoch >= self.dual_warmup
            && let Some(over) = terms.get("retain-over")
        {
            let dual = self.dual.unwrap_or(self.alpha) + self.dual_step_size * over;
            self.dual = Some(dual.max(0.0));
        }
    }

    fn state(&self) -> Vec<f64> {
        self.dual.into_iter().collect()
    }

    fn restore(&mut self, saved: &[f64]) {
        self.dual = saved.first().copied();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_weight_follows_the_bound_and_never_falls_below_nothing() {
        let step = |i: usize| StepView::new(i, 9, 3, BTreeMap::new());
        let over = |x: f64| BTreeMap::from([("retain-over".to_owned(), x)]);
        let mut pdu = Pdu { dual_warmup: 1.0, dual_step_size: 2.0, ..Pdu::default() };
        for i in 0..2 {
            pdu.after_step(&step(i), &over(0.5));
            assert_eq!(pdu.dual, None, "it moves in the warm-up");
        }
        // By as much each time while the retain loss stays as far above the bound.
        for (i, expected) in [(2, 2.0), (3, 3.0), (4, 4.0)] {
            pdu.after_step(&step(i), &over(0.5));
            assert_eq!(pdu.dual, Some(expected));
        }
        pdu.after_step(&step(5), &over(-10.0));
        assert_eq!(pdu.dual, Some(0.0));
        let mut again = Pdu::default();
        again.restore(&pdu.state());
        assert_eq!(again.dual, Some(0.0));
    }
}
