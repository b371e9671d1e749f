//! What holds the rest in place: terms on the retain set that combine with any forget term.

use serde::{Deserialize, Serialize};
use unlearn_engine::tensor::Tensor;
use unlearn_engine::train::{Inner, Micro, Needs, Quantity, Reads, Set, Setup, Term};

use crate::MethodError;

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
    /// Distance of the hidden states from the reference's: squared, mean over the width, then over each answer's
    /// tokens, then over rows. Of the last block's output, unless the method has a layer of its own.
    Hidden,
    /// No term.
    None,
}

/// The retain term of a method, and its weight.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Hold {
    /// Weight of the retain term.
    pub alpha: f64,
    /// The retain term.
    pub retain: Retain,
    /// The layer of [`Retain::Hidden`].
    #[serde(skip)]
    layer: usize,
}

impl Default for Hold {
    fn default() -> Self {
        Self::new(1.0, Retain::Nll)
    }
}

impl Hold {
    /// A term and its weight.
    #[must_use]
    pub const fn new(alpha: f64, retain: Retain) -> Self {
        Self { alpha, retain, layer: 0 }
    }

    pub(crate) fn check(&self) -> Result<(), MethodError> {
        MethodError::require(self.alpha >= 0.0, "alpha", self.alpha, "it must not be negative")
    }

    /// Hidden states are compared after the last block.
    pub(crate) fn prepare(&mut self, setup: &Setup<'_>) {
        self.layer = setup.config.layers.len().saturating_sub(1);
    }

    /// Hidden states are compared after this block.
    pub(crate) fn at(&mut self, layer: usize) {
        self.layer = layer;
    }

    /// What the term needs.
    #[must_use]
    pub fn needs(&self) -> Needs {
        let state = Inner::Block(self.layer);
        let (retain, reference) = match self.term_kind() {
            Retain::None => return Needs::default(),
            Retain::Nll => (Reads::scores(), None),
            Retain::Kl => (Reads::scores(), Some(Quantity::Distributions)),
            Retain::Hidden => (Reads::inner([state]), Some(Quantity::Inner(state))),
        };
        let reference = reference.map(|quantity| (Set::Retain, quantity)).into_iter().collect();
        Needs { retain, reference, ..Needs::default() }
    }

    /// A term without weight is none.
    fn term_kind(&self) -> Retain {
        if self.alpha == 0.0 { Retain::None } else { self.retain }
    }

    /// The term of a micro-batch.
    #[must_use]
    pub fn terms(&self, micro: &Micro<'_>) -> Vec<Term> {
        let (name, value) = match self.term_kind() {
            Retain::None => return Vec::new(),
            Retain::Nll => ("retain-nll", micro.nll()),
            Retain::Kl => ("retain-kl", kl(micro)),
            Retain::Hidden => ("retain-hidden", distance(micro, Inner::Block(self.layer))),
        };
        vec![Term::new(name, value, self.alpha)]
    }
}

/// KL(reference ‖ policy): this micro-batch's share of the mean over the step's supervised tokens.
pub(crate) fn kl(micro: &Micro<'_>) -> Tensor<1> {
    let reference = micro.reference_log_distributions();
    let gap = reference.clone() - micro.log_distributions();
    (reference.exp() * gap).sum().div_scalar(micro.totals().tokens())
}

/// Squared distance of hidden states from the reference's: mean over the width, each answer's tokens, and rows.
pub(crate) fn distance(micro: &Micro<'_>, state: Inner) -> Tensor<1> {
    let gap = micro.inner(state) - micro.reference_inner(state);
    squares(micro, gap)
}

/// Squares of `[n, width]`: mean over the width, each answer's tokens, and the step's rows.
pub(crate) fn squares(micro: &Micro<'_>, gap: Tensor<2>) -> Tensor<1> {
    let [n, _] = gap.dims();
    let each = gap.square().mean_dim(1).reshape([n]);
    micro.means(each).sum().div_scalar(micro.totals().rows())
}
