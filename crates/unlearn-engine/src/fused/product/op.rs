//! The operation, and its gradient: two further products.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend};

use super::super::Fused;
use super::Factors;

#[derive(Debug)]
struct Product;

impl<B: Backend + Fused> Backward<B, 2> for Product {
    /// Each factor where the other's gradient is wanted, and what becomes of them.
    type State = ([Option<FloatTensor<B>>; 2], Factors);

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let ([a_node, b_node], ([a, b], factors)) = (ops.parents, ops.state);
        let gradient = grads.consume::<B>(&ops.node);
        if let (Some(node), Some(b)) = (a_node, b) {
            grads.register::<B>(node.id, B::product(gradient.clone(), B::float_transpose(b), factors));
        }
        if let (Some(node), Some(a)) = (b_node, a) {
            grads.register::<B>(node.id, B::product(B::float_transpose(a), gradient, factors.of_none()));
        }
    }
}

pub(in super::super) fn tracked<B: Backend + Fused, C: CheckpointStrategy>(
    a: FloatTensor<Autodiff<B, C>>,
    b: FloatTensor<Autodiff<B, C>>,
    factors: Factors,
) -> FloatTensor<Autodiff<B, C>> {
    let wanted = [a.is_tracked(), b.is_tracked()];
    let ((a, a_node), (b, b_node)) = (a.into_parts(), b.into_parts());
    match Product.prepare::<C>([a_node, b_node]).compute_bound().stateful() {
        OpsKind::Tracked(prepared) => {
            let state = [wanted[1].then(|| a.clone()), wanted[0].then(|| b.clone())];
            prepared.finish((state, factors), B::product(a, b, factors))
        }
        OpsKind::UnTracked(prepared) => prepared.finish(B::product(a, b, factors)),
    }
}
