//! Plain fine-tuning: what `unlearn train` does, and who relearns.

use super::{Micro, Needs, Objective, Term};

/// Negative log-likelihood: mean over the step's supervised tokens.
#[derive(Debug, Clone, Copy, Default)]
pub struct FineTune;

impl Objective for FineTune {
    fn needs(&self) -> Needs {
        Needs::forget_scores()
    }

    fn forget(&self, micro: &Micro<'_>) -> Vec<Term> {
        vec![Term::new("nll", micro.nll(), 1.0)]
    }

    fn retain(&self, _: &Micro<'_>) -> Vec<Term> {
        Vec::new()
    }
}
