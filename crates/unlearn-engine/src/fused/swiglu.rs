//! The gated feed-forward network's inside (Shazeer, 2020, arXiv 2002.05202): `silu(gate) * up`.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend};
use pulp::Simd;

use super::exp::exp;
use super::{Fused, Kernel, by_rows};

struct Forward<'a>(&'a [f32], &'a [f32]);

impl Kernel for Forward<'_> {
    #[inline(always)]
    fn fill<S: Simd>(&self, _: S, from: usize, part: &mut [f32]) {
        let (gate, up) = (&self.0[from..][..part.len()], &self.1[from..][..part.len()]);
        for ((y, &g), &u) in part.iter_mut().zip(gate).zip(up) {
            *y = g / (1.0 + exp(-g)) * u;
        }
    }
}

pub(super) fn forward(gate: &[f32], up: &[f32]) -> Vec<f32> {
    let mut out = vec![0.0; gate.len()];
    by_rows(&mut out, 1, &Forward(gate, up));
    out
}

struct ByGate<'a>(&'a [f32], &'a [f32], &'a [f32]);

impl Kernel for ByGate<'_> {
    #[inline(always)]
    fn fill<S: Simd>(&self, _: S, from: usize, part: &mut [f32]) {
        let n = part.len();
        let (gate, up, gradient) = (&self.0[from..][..n], &self.1[from..][..n], &self.2[from..][..n]);
        for (((y, &g), &u), &d) in part.iter_mut().zip(gate).zip(up).zip(gradient) {
            let sigmoid = 1.0 / (1.0 + exp(-g));
            *y = d * u * sigmoid * (1.0 + g * (1.0 - sigmoid));
        }
    }
}

pub(super) fn backward(gate: &[f32], up: &[f32], gradient: &[f32]) -> (Vec<f32>, Vec<f32>) {
    let mut by_gate = vec![0.0; gate.len()];
    by_rows(&mut by_gate, 1, &ByGate(gate, up, gradient));
    // By `up`, the gradient is gated as `up` was.
    (by_gate, forward(gate, gradient))
}

#[derive(Debug)]
struct SwiGlu;

impl<B: Backend + Fused> Backward<B, 2> for SwiGlu {
    type State = (FloatTensor<B>, FloatTensor<B>);

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [gate, up] = ops.parents;
        let gradient = grads.consume::<B>(&ops.node);
        let (by_gate, by_up) = B::swiglu_backward(ops.state.0, ops.state.1, gradient);
        if let Some(node) = gate {
            grads.register::<B>(node.id, by_gate);
        }
        if let Some(node) = up {
            grads.register::<B>(node.id, by_up);
        }
    }
}

pub(super) fn tracked<B: Backend + Fused, C: CheckpointStrategy>(
    gate: FloatTensor<Autodiff<B, C>>,
    up: FloatTensor<Autodiff<B, C>>,
) -> FloatTensor<Autodiff<B, C>> {
    let ((gate, gate_node), (up, up_node)) = (gate.into_parts(), up.into_parts());
    match SwiGlu.prepare::<C>([gate_node, up_node]).compute_bound().stateful() {
        OpsKind::Tracked(prepared) => prepared.finish((gate.clone(), up.clone()), B::swiglu(gate, up)),
        OpsKind::UnTracked(prepared) => prepared.finish(B::swiglu(gate, up)),
    }
}
