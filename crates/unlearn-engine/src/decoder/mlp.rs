//! The feed-forward network.

use burn::tensor::Tensor;
use burn::tensor::activation::{gelu, silu};

use super::DecoderConfig;
use super::config::{Activation, MlpForm};
use super::linear::{Form, Linear};
use super::parameters::{Builder, Role, Weights};
use crate::fused::swiglu;

#[derive(Debug, Clone)]
enum Inner {
    Gated { gate: Linear, up: Linear },
    GatedStacked(Linear),
    Plain(Linear),
}

#[derive(Debug, Clone)]
pub(super) struct Mlp {
    inner: Inner,
    down: Linear,
}

impl Mlp {
    pub(super) fn new(prefix: &str, c: &DecoderConfig, add: &mut Builder) -> Self {
        let (width, inside) = (c.hidden_size, c.intermediate_size);
        let name = |name: &str| format!("{prefix}.{name}");
        let form = |role| Form { bias: c.mlp_bias, conv1d: c.conv1d, role };
        let mut up = |name: &str, to| Linear::new(name, [width, to], form(Role::Linear), add);
        let inner = match c.mlp {
            MlpForm::Gated => Inner::Gated { gate: up(&name(c.names.gate), inside), up: up(&name(c.names.up), inside) },
            MlpForm::GatedStacked => Inner::GatedStacked(up(&name(c.names.gate_up), 2 * inside)),
            MlpForm::Plain => Inner::Plain(up(&name(c.names.up), inside)),
        };
        let down = Linear::new(&name(c.names.down), [inside, width], form(Role::IntoStream), add);
        Self { inner, down }
    }

    /// `[n, width]` to the same.
    pub(super) fn forward(&self, c: &DecoderConfig, weights: &Weights, x: Tensor<2>) -> Tensor<2> {
        let inside = match &self.inner {
            Inner::Gated { gate, up } => gated(c.activation, gate.forward(weights, x.clone()), up.forward(weights, x)),
            Inner::GatedStacked(both) => {
                let both = both.forward(weights, x);
                let part = |from| both.clone().narrow(1, from, c.intermediate_size);
                gated(c.activation, part(0), part(c.intermediate_size))
            }
            Inner::Plain(up) => activate(c.activation, up.forward(weights, x)),
        };
        self.down.forward(weights, inside)
    }
}

fn gated(activation: Activation, gate: Tensor<2>, up: Tensor<2>) -> Tensor<2> {
    match activation {
        Activation::Silu => swiglu(gate, up),
        _ => activate(activation, gate) * up,
    }
}

fn activate(activation: Activation, x: Tensor<2>) -> Tensor<2> {
    match activation {
        Activation::Silu => silu(x),
        Activation::Gelu => gelu(x),
        // Hendrycks and Gimpel (2016), equation 2.
        Activation::GeluTanh => {
            let inner =
                (x.clone() + x.clone().powi_scalar(3).mul_scalar(0.044_715)).mul_scalar(0.797_884_560_802_865_4);
            x.mul_scalar(0.5) * inner.tanh().add_scalar(1.0)
        }
    }
}
