//! The operations in a graph: each keeps what its gradient needs.

use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{Autodiff, Backend};

use super::{
    Factors, Form, Fused, Held, attention, heads, label, log_softmax, low_rank, product, rms, softmax, swiglu,
};

impl<B: Backend + Fused, C: CheckpointStrategy> Fused for Autodiff<B, C> {
    fn product(a: FloatTensor<Self>, b: FloatTensor<Self>, turned: bool, factors: Factors) -> FloatTensor<Self> {
        product::tracked::<B, C>([a, b], turned, factors)
    }

    fn held(a: FloatTensor<Self>, b: Held, factors: Factors) -> FloatTensor<Self> {
        product::tracked_held::<B, C>(a, b, factors)
    }

    fn few_held(_: FloatTensor<Self>, _: Held) -> FloatTensor<Self> {
        unreachable!("asked without a graph only")
    }

    fn low_rank(
        y: FloatTensor<Self>,
        x: FloatTensor<Self>,
        down: FloatTensor<Self>,
        up: FloatTensor<Self>,
        scale: f64,
    ) -> FloatTensor<Self> {
        low_rank::tracked::<B, C>([y, x, down, up], scale)
    }

    fn low_rank_backward(
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: f64,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        unreachable!("gradients have no gradient")
    }

    fn few(_: FloatTensor<Self>, _: FloatTensor<Self>) -> FloatTensor<Self> {
        unreachable!("asked without a graph only")
    }

    fn swiglu(gate: FloatTensor<Self>, up: FloatTensor<Self>) -> FloatTensor<Self> {
        swiglu::tracked::<B, C>(gate, up)
    }

    fn swiglu_backward(
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        unreachable!("gradients have no gradient")
    }

    fn shares(scores: FloatTensor<Self>, mask: FloatTensor<Self>) -> FloatTensor<Self> {
        softmax::tracked::<B, C>(scores, mask)
    }

    fn shares_backward(_: FloatTensor<Self>, _: FloatTensor<Self>) -> FloatTensor<Self> {
        unreachable!("gradients have no gradient")
    }

    fn rms(x: FloatTensor<Self>, weight: FloatTensor<Self>, eps: f64) -> FloatTensor<Self> {
        rms::tracked::<B, C>(x, weight, eps)
    }

    fn rms_backward(
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: f64,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        unreachable!("gradients have no gradient")
    }

    fn by_head(x: FloatTensor<Self>, turns: FloatTensor<Self>, sizes: [usize; 2], scale: f64) -> FloatTensor<Self> {
        heads::tracked_by_head::<B, C>(x, turns, sizes, scale)
    }

    fn by_token(x: FloatTensor<Self>, turns: FloatTensor<Self>, scale: f64) -> FloatTensor<Self> {
        heads::tracked_by_token::<B, C>(x, turns, scale)
    }

    fn label(scores: FloatTensor<Self>, labels: IntTensor<Self>) -> FloatTensor<Self> {
        label::tracked::<B, C>(scores, labels)
    }

    fn label_backward(
        _: FloatTensor<Self>,
        _: IntTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        unreachable!("gradients have no gradient")
    }

    fn log_softmax_rows(scores: FloatTensor<Self>) -> FloatTensor<Self> {
        log_softmax::tracked::<B, C>(scores)
    }

    fn log_softmax_backward(_: FloatTensor<Self>, _: FloatTensor<Self>) -> FloatTensor<Self> {
        unreachable!("gradients have no gradient")
    }

    fn attend(q: FloatTensor<Self>, k: FloatTensor<Self>, v: FloatTensor<Self>, form: Form) -> FloatTensor<Self> {
        attention::tracked::<B, C>([q, k, v], form)
    }

    fn decode(
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: Option<f64>,
    ) -> FloatTensor<Self> {
        unreachable!("asked without a graph only")
    }

    fn attend_backward(
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: FloatTensor<Self>,
        _: Form,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        unreachable!("gradients have no gradient")
    }
}
