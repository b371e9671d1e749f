//! Norms.

use burn::tensor::Tensor;

use super::config::NormKind;
use super::parameters::{Builder, Role, Weights};
use crate::fused;

/// A norm over the last axis.
#[derive(Debug, Clone)]
pub(super) struct Norm {
    kind: NormKind,
    eps: f64,
    weight: usize,
    bias: Option<usize>,
}

impl Norm {
    /// A norm over `width` entries.
    pub(super) fn new(name: &str, width: usize, kind: NormKind, eps: f64, add: &mut Builder) -> Self {
        let role = if kind == NormKind::RmsPlusOne { Role::NormOffset } else { Role::NormWeight };
        let weight = add.vector(format!("{name}.weight"), width, role);
        let bias = (kind == NormKind::Layer).then(|| add.vector(format!("{name}.bias"), width, Role::Bias));
        Self { kind, eps, weight, bias }
    }

    /// `[n, width]` to the same.
    pub(super) fn forward(&self, weights: &Weights, x: Tensor<2>) -> Tensor<2> {
        let weight = weights.get(self.weight);
        match self.kind {
            NormKind::Rms => fused::rms(x, weight, self.eps),
            NormKind::RmsPlusOne => fused::rms(x, weight.add_scalar(1.0), self.eps),
            NormKind::Layer => {
                let centred = x.clone() - x.mean_dim(1);
                let normed = rms(centred, self.eps) * weight;
                match self.bias {
                    Some(bias) => normed + weights.get(bias),
                    None => normed,
                }
            }
        }
    }
}

/// Each row of `x` `[n, width]` over its root mean square.
fn rms(x: Tensor<2>, eps: f64) -> Tensor<2> {
    let scale = x.clone().square().mean_dim(1).add_scalar(eps).sqrt().recip();
    x * scale
}
