//! `flat`

use serde::{Deserialize, Serialize};
use unlearn_engine::EngineError;
use unlearn_engine::tensor::{Tensor, softplus};
use unlearn_engine::train::{Alternative, Micro, Needs, Objective, Reads, Setup, Term, View};

use crate::manual::documented;
use crate::registry::Method;
use crate::{Hold, MethodError, Retain};

documented! {
    /// # Idea
    /// From forget data alone: make a refusal likely and the forget answer unlikely, as far apart as an f-divergence
    /// measures.
    ///
    /// A refusal is drawn anew from a list at each visit of a row, unless the data has an `alternate` for it. Gradients
    /// scale with probabilities, so that tokens that are unlikely already are left alone, and an unlikely refusal is
    /// learned slowly.
    ///
    /// # Objective
    /// `L = γ · mean over rows of (−g*(P̄ₑ) + f*(g*(P̄_f))) + α · R`, with `P̄ₑ` and `P̄_f` the mean token probability
    /// of the refusal and of the forget answer. `R` is the retain term: `retain` is one of `nll`, `kl`, `hidden` and
    /// `none`.
    ///
    /// # Paper
    /// Wang et al., *LLM Unlearning via Loss Adjustment with Only Forget Data*, 2025, arXiv 2410.11143.
    ///
    /// # Reference implementation
    /// `UCSC-REAL/FLAT`, `dataloader.py` (`cl`, `get_contrastive_loss`).
    ///
    /// # Defaults
    /// `divergence = "total-variation"` (others: `kl`, `jensen-shannon`, `pearson`), `gamma = 1`, `alpha = 1`,
    /// `retain = "none"` (the authors: no retain data).
    ///
    /// # Deviations
    /// Probabilities are means over each answer's tokens, as in the paper; the code's mean counts prompt and padding as
    /// zeros. The loss is a mean over rows; the code takes one mean over the batch first.
    #[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
    #[serde(default)]
    pub struct Flat {
        /// The f-divergence.
        pub divergence: Divergence,
        /// Weight of the forget term.
        pub gamma: f64,
        /// The retain term.
        #[serde(flatten)]
        pub hold: Hold,
    }
}

impl Default for Flat {
    fn default() -> Self {
        Self { divergence: Divergence::TotalVariation, gamma: 1.0, hold: Hold::new(1.0, Retain::None) }
    }
}

impl Method for Flat {
    const NAME: &'static str = "flat";
    const PAGE: &'static str = Self::PAGE;

    fn check(&self) -> Result<(), MethodError> {
        MethodError::require(self.gamma >= 0.0, "gamma", self.gamma, "it must not be negative")?;
        self.hold.check()
    }
}

impl Objective for Flat {
    fn prepare(&mut self, setup: &Setup<'_>) -> Result<(), EngineError> {
        self.hold.prepare(setup);
        Ok(())
    }

    fn needs(&self) -> Needs {
        Needs { forget: Reads::scores(), forget_alternates: Some(Alternative::OrRefusals), ..Needs::default() }
            .and(self.hold.needs())
    }

    fn forget(&self, micro: &Micro<'_>) -> Vec<Term> {
        let mean = |view: &View<'_>| view.means(view.token_log_probs().exp());
        let losses = self.divergence.loss(mean(micro.alternates()), mean(micro));
        vec![Term::new("forget-flat", losses.sum().div_scalar(micro.totals().rows()), self.gamma)]
    }

    fn retain(&self, micro: &Micro<'_>) -> Vec<Term> {
        self.hold.terms(micro)
    }
}

/// An f-divergence, by its variational form.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Divergence {
    /// `g*(v) = tanh(v)/2`, `f*(u) = u`.
    #[default]
    TotalVariation,
    /// `g*(v) = v`, `f*(u) = exp(u − 1)`.
    Kl,
    /// `g*(v) = log 2 − log(1 + e⁻ᵛ)`, `f*(u) = −log(2 − eᵘ)`.
    JensenShannon,
    /// `g*(v) = v`, `f*(u) = u²/4 + u`.
    Pearson,
}

impl Divergence {
    /// `−g*(pe) + f*(g*(pf))` of each row.
    fn loss(self, pe: Tensor<1>, pf: Tensor<1>) -> Tensor<1> {
        match self {
            Self::TotalVariation => (pf.tanh() - pe.tanh()).mul_scalar(0.5),
            Self::Kl => pf.sub_scalar(1.0).exp() - pe,
            Self::JensenShannon => {
                let log1p_exp_neg = |v: Tensor<1>| softplus(v.neg(), 1.0);
                let both = log1p_exp_neg(pe) + log1p_exp_neg(pf.clone()) + pf;
                both.sub_scalar(2.0 * std::f64::consts::LN_2)
            }
            Self::Pearson => pf.clone().square().mul_scalar(0.25) + pf - pe,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use unlearn_engine::tensor::{Device, scalar, vector};

    #[test]
    fn likelier_refusals_lower_the_loss_and_likelier_forget_answers_raise_it() {
        let of = |divergence: Divergence, pe: f32, pf: f32| {
            let one = |p: f32| vector(vec![p], &Device::flex());
            scalar(divergence.loss(one(pe), one(pf)))
        };
        let all = [Divergence::TotalVariation, Divergence::Kl, Divergence::JensenShannon, Divergence::Pearson];
        for divergence in all {
            for (pe, pf) in [(0.01, 0.9), (0.4, 0.4), (0.95, 0.05)] {
                assert!(of(divergence, pe + 0.02, pf) < of(divergence, pe, pf), "{divergence:?}");
                assert!(of(divergence, pe, pf + 0.02) > of(divergence, pe, pf), "{divergence:?}");
            }
        }
    }
}
