//! Plain fine-tuning: what `unlearn train` does. No way to forget, so it is in no registry.

use unlearn_engine::train::{Micro, Needs, Objective, Term};

/// Negative log-likelihood: mean over the step's supervised tokens.
#[derive(Debug, Clone, Copy, Default)]
pub struct FineTune;

impl Objective for FineTune {
    fn needs(&self) -> Needs {
        Needs::default()
    }

    fn forget(&self, micro: &Micro<'_>) -> Term {
        let value = micro.token_log_probs().sum().neg().div_scalar(micro.totals.tokens as f64);
        Term { name: "nll", value, weight: 1.0 }
    }

    fn retain(&self, _: &Micro<'_>) -> Option<Term> {
        None
    }
}
