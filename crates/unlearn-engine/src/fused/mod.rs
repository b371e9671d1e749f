//! Operations that Burn would make of many, each of which writes its whole result: here each is one pass over memory, on
//! all threads, with its gradient written by hand. Results are the same at any thread count.

mod exp;
mod rms;
mod softmax;
mod swiglu;

use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, backend_extension};
use burn::tensor::{Tensor, TensorData};
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

/// The operations, and their gradients.
#[backend_extension(Flex, Autodiff)]
pub trait Fused: Backend {
    /// `silu(gate) * up`, each `[n, width]`.
    fn swiglu(gate: FloatTensor<Self>, up: FloatTensor<Self>) -> FloatTensor<Self>;
    /// Gradients of [`Self::swiglu`] by `gate` and `up`.
    fn swiglu_backward(
        gate: FloatTensor<Self>,
        up: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>);
    /// Softmax over the last axis of `scores` `[rows, heads, tokens, keys]` plus `mask` `[rows or 1, 1, tokens, keys]`.
    fn shares(scores: FloatTensor<Self>, mask: FloatTensor<Self>) -> FloatTensor<Self>;
    /// The gradient of [`Self::shares`] by the scores; the mask is a constant.
    fn shares_backward(shares: FloatTensor<Self>, gradient: FloatTensor<Self>) -> FloatTensor<Self>;
    /// Each row of `x` `[n, width]` over its root mean square, times `weight` `[1, width]`.
    fn rms(x: FloatTensor<Self>, weight: FloatTensor<Self>, eps: f64) -> FloatTensor<Self>;
    /// Gradients of [`Self::rms`] by `x` and `weight`.
    fn rms_backward(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        eps: f64,
    ) -> (FloatTensor<Self>, FloatTensor<Self>);
}

/// `silu(gate) * up`, each `[n, width]`.
#[must_use]
pub fn swiglu(gate: Tensor<2>, up: Tensor<2>) -> Tensor<2> {
    Tensor::from_dispatch(<Dispatch as Fused>::swiglu(gate.into_dispatch(), up.into_dispatch()))
}

/// Softmax over the last axis of `scores` `[rows, heads, tokens, keys]` plus a constant `[rows or 1, 1, tokens, keys]`.
#[must_use]
pub fn shares(scores: Tensor<4>, mask: Tensor<4>) -> Tensor<4> {
    Tensor::from_dispatch(<Dispatch as Fused>::shares(scores.into_dispatch(), mask.into_dispatch()))
}

/// Each row of `x` `[n, width]` over its root mean square, times `weight` `[1, width]`.
#[must_use]
pub fn rms(x: Tensor<2>, weight: Tensor<2>, eps: f64) -> Tensor<2> {
    Tensor::from_dispatch(<Dispatch as Fused>::rms(x.into_dispatch(), weight.into_dispatch(), eps))
}

type Float = FloatTensor<Flex>;

impl Fused for Flex {
    fn swiglu(gate: Float, up: Float) -> Float {
        let (gate, up) = (gate.to_contiguous(), up.to_contiguous());
        made(swiglu::forward(values(&gate), values(&up)), &gate)
    }

    fn swiglu_backward(gate: Float, up: Float, gradient: Float) -> (Float, Float) {
        let (gate, up, gradient) = (gate.to_contiguous(), up.to_contiguous(), gradient.to_contiguous());
        let (by_gate, by_up) = swiglu::backward(values(&gate), values(&up), values(&gradient));
        (made(by_gate, &gate), made(by_up, &up))
    }

    fn shares(scores: Float, mask: Float) -> Float {
        let (scores, mask) = (scores.to_contiguous(), mask.to_contiguous());
        let shape = scores.layout().shape();
        let (heads, tokens, keys) = (shape[1], shape[2], shape[3]);
        made(softmax::forward(values(&scores), values(&mask), [heads, tokens, keys]), &scores)
    }

    fn shares_backward(shares: Float, gradient: Float) -> Float {
        let (shares, gradient) = (shares.to_contiguous(), gradient.to_contiguous());
        let keys = shares.layout().shape()[3];
        made(softmax::backward(values(&shares), values(&gradient), keys), &shares)
    }

    fn rms(x: Float, weight: Float, eps: f64) -> Float {
        let (x, weight) = (x.to_contiguous(), weight.to_contiguous());
        made(rms::forward(values(&x), values(&weight), eps as f32), &x)
    }

    fn rms_backward(x: Float, weight: Float, gradient: Float, eps: f64) -> (Float, Float) {
        let (x, weight, gradient) = (x.to_contiguous(), weight.to_contiguous(), gradient.to_contiguous());
        let (by_x, by_weight) = rms::backward(values(&x), values(&weight), values(&gradient), eps as f32);
        (made(by_x, &x), made(by_weight, &weight))
    }
}

impl<B: Backend + Fused, C: CheckpointStrategy> Fused for Autodiff<B, C> {
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
}

/// The values of a contiguous tensor.
fn values(tensor: &Float) -> &[f32] {
    tensor.as_slice::<f32>().unwrap_or_default()
}

/// A tensor of the shape of another.
fn made(values: Vec<f32>, like: &Float) -> Float {
    Float::from_data(TensorData::new(values, like.layout().shape().clone()))
}

/// Values that one task works on, about.
const TASK: usize = 1 << 15;

/// What fills some rows of a result. Its `fill` and all that this calls are always inlined: the widest instructions that
/// there are reach no further.
trait Kernel: Sync {
    /// Fills the rows from `first` on.
    fn fill(&self, first: usize, part: &mut [f32]);
}

/// A kernel with what it fills, in the form in which instructions are chosen.
struct Filling<'a, K>(&'a K, usize, &'a mut [f32]);

impl<K: Kernel> WithSimd for Filling<'_, K> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        self.0.fill(self.1, self.2);
    }
}

/// Fills rows of `width` values, many at a time on each thread.
fn by_rows(out: &mut [f32], width: usize, kernel: &impl Kernel) {
    let width = width.max(1);
    let rows = (TASK / width).max(1);
    let arch = Arch::new();
    out.par_chunks_mut(rows * width).enumerate().for_each(|(i, part)| arch.dispatch(Filling(kernel, i * rows, part)));
}

#[cfg(test)]
mod tests;
