//! What holds the rest in place: terms on the retain set that combine with any forget term.

use serde::{Deserialize, Serialize};
use unlearn_engine::train::{Micro, Needs, Term};

/// A term on the retain set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Retain {
    /// Negative log-likelihood of the retain answers: mean over the step's supervised tokens.
    #[default]
    Nll,
    /// Divergence from the reference, KL(reference ‖ policy): mean over the step's supervised tokens. Prompt and
    /// padding do not count, unlike in most published code.
    Kl,
    /// No term.
    None,
}

impl Retain {
    /// What the term needs of the reference.
    #[must_use]
    pub fn needs(self) -> Needs {
        Needs { retain_distributions: self == Self::Kl, retain: self != Self::None, ..Needs::default() }
    }

    /// The term of a micro-batch, weighted by `alpha`.
    #[must_use]
    pub fn term(self, micro: &Micro<'_>, alpha: f64) -> Option<Term> {
        let tokens = micro.totals.tokens as f64;
        let (name, value) = match self {
            Self::None => return None,
            Self::Nll => ("retain-nll", micro.token_log_probs().sum().neg().div_scalar(tokens)),
            Self::Kl => {
                let reference = micro.reference_log_distributions();
                let gap = reference.clone() - micro.log_distributions();
                ("retain-kl", (reference.exp() * gap).sum().div_scalar(tokens))
            }
        };
        Some(Term { name, value, weight: alpha })
    }
}
