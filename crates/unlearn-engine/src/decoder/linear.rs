//! Linear layers.

use burn::tensor::Tensor;

use super::parameters::{Builder, Layout, Role, Weights};

/// A linear layer: its weight and, where it has one, its bias.
#[derive(Debug, Clone)]
pub(super) struct Linear {
    weight: usize,
    bias: Option<usize>,
}

/// What a layer's parameters are like.
#[derive(Debug, Clone, Copy)]
pub(super) struct Form {
    pub(super) bias: bool,
    pub(super) conv1d: bool,
    pub(super) role: Role,
}

impl Linear {
    /// A layer from `from` to `to` entries.
    pub(super) fn new(name: &str, [from, to]: [usize; 2], form: Form, add: &mut Builder) -> Self {
        let layout = if form.conv1d { Layout::Rows } else { Layout::Linear };
        let weight = add.matrix(name, [from, to], layout, form.role);
        Self { weight, bias: form.bias.then(|| add.vector(format!("{name}.bias"), to, Role::Bias)) }
    }

    /// `[n, in]` to `[n, out]`.
    pub(super) fn forward(&self, weights: &Weights, x: Tensor<2>) -> Tensor<2> {
        let y = weights.apply(self.weight, x);
        match self.bias {
            Some(bias) => y + weights.get(bias),
            None => y,
        }
    }
}
