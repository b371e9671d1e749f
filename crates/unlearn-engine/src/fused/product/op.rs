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
    /// Each factor where the other's gradient is wanted, whether the right one is turned, and what becomes of them.
    type State = ([Option<FloatTensor<B>>; 2], bool, Factors);

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let ([a_node, b_node], ([a, b], turned, factors)) = (ops.parents, ops.state);
        let gradient = grads.consume::<B>(&ops.node);
        if let (Some(node), Some(b)) = (a_node, b) {
            grads.register::<B>(node.id, B::product(gradient.clone(), b, !turned, factors));
        }
        if let (Some(node), Some(a)) = (b_node, a) {
            // As the factor lies, so that nothing is turned afterwards.
            let (left, right) = if turned { (gradient, a) } else { (a, gradient) };
            grads.register::<B>(node.id, B::product(B::float_transpose(left), right, false, factors.of_none()));
        }
    }
}

pub(in super::super) fn tracked<B: Backend + Fused, C: CheckpointStrategy>(
    [a, b]: [FloatTensor<Autodiff<B, C>>; 2],
    turned: bool,
    factors: Factors,
) -> FloatTensor<Autodiff<B, C>> {
    let wanted = [a.is_tracked(), b.is_tracked()];
    let ((a, a_node), (b, b_node)) = (a.into_parts(), b.into_parts());
    match Product.prepare::<C>([a_node, b_node]).compute_bound().stateful() {
        OpsKind::Tracked(prepared) => {
            let state = [wanted[1].then(|| a.clone()), wanted[0].then(|| b.clone())];
            prepared.finish((state, turned, factors), B::product(a, b, turned, factors))
        }
        OpsKind::UnTracked(prepared) => prepared.finish(B::product(a, b, turned, factors)),
    }
}
