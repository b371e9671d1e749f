//! Operations that Burn would make of many, each of which writes its whole result: here each is one pass over memory, on
//! all threads, with its gradient written by hand. Results are the same at any thread count. Where a device has none of
//! these, they are composed of Burn's.

mod ahead;
mod attention;
mod composed;
mod decode;
mod entry;
mod exp;
mod few;
mod flex;
mod heads;
mod label;
mod lanes;
mod log_softmax;
mod low_rank;
mod product;
mod rms;
mod softmax;
mod spread;
mod swiglu;
mod tracked;

use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{Backend, Dispatch, backend_extension};
use burn::tensor::{Device, Int, Tensor, TensorData};
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

pub use attention::Form;
pub use product::{Factors, Held};
pub(crate) use spread::Spread;

use crate::device::{Precision, has_fused, precision};

/// The operations, and their gradients.
#[backend_extension(Flex, Autodiff)]
pub trait Fused: Backend {
    /// `a` `[m, k]` times `b` `[k, n]`, which lies `[n, k]` where it is `turned`: `[m, n]`.
    fn product(a: FloatTensor<Self>, b: FloatTensor<Self>, turned: bool, factors: Factors) -> FloatTensor<Self>;
    /// `a` `[m, k]` times a frozen matrix `[k, n]`: `[m, n]`.
    fn held(a: FloatTensor<Self>, b: Held, factors: Factors) -> FloatTensor<Self>;
    /// `a` `[m, k]`, of few rows, times `b` `[k, n]`: `[m, n]`. It has no gradient.
    fn few(a: FloatTensor<Self>, b: FloatTensor<Self>) -> FloatTensor<Self>;
    /// The same with a frozen matrix.
    fn few_held(a: FloatTensor<Self>, b: Held) -> FloatTensor<Self>;
    /// `y` `[n, to]` plus `scale` times `x` `[n, from]` times `down` `[from, rank]` times `up` `[rank, to]`.
    fn low_rank(
        y: FloatTensor<Self>,
        x: FloatTensor<Self>,
        down: FloatTensor<Self>,
        up: FloatTensor<Self>,
        scale: f64,
    ) -> FloatTensor<Self>;
    /// Gradients of [`Self::low_rank`] by `x`, `down` and `up`.
    fn low_rank_backward(
        x: FloatTensor<Self>,
        down: FloatTensor<Self>,
        up: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        scale: f64,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);
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
    /// The rows and heads `sizes` of `x` `[rows * tokens, heads * size]` apart, turned by `turns` and times `scale`:
    /// `[rows, heads, tokens, size]`. `turns` `[rows or 1, tokens, dim]`, which is constant, holds cosines, then sines.
    fn by_head(x: FloatTensor<Self>, turns: FloatTensor<Self>, sizes: [usize; 2], scale: f64) -> FloatTensor<Self>;
    /// `x` `[rows, heads, tokens, size]` turned back and times `scale`: `[rows * tokens, heads * size]`. This is the
    /// gradient of [`Self::by_head`], which is that of this.
    fn by_token(x: FloatTensor<Self>, turns: FloatTensor<Self>, scale: f64) -> FloatTensor<Self>;
    /// Of each row of `scores` `[n, width]`: its greatest, the sum of the exponentials of all less that, and the
    /// log-probability of its label `[n]`: `[n, 3]`. The gradient is that of the last.
    fn label(scores: FloatTensor<Self>, labels: IntTensor<Self>) -> FloatTensor<Self>;
    /// The gradient of [`Self::label`] by the scores.
    fn label_backward(
        scores: FloatTensor<Self>,
        labels: IntTensor<Self>,
        found: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
    ) -> FloatTensor<Self>;
    /// The logarithm of softmax over each row of `scores` `[n, width]`.
    fn log_softmax_rows(scores: FloatTensor<Self>) -> FloatTensor<Self>;
    /// The gradient of [`Self::log_softmax_rows`] by the scores.
    fn log_softmax_backward(log_probs: FloatTensor<Self>, gradient: FloatTensor<Self>) -> FloatTensor<Self>;
    /// Attention of `q` `[n, heads * head_dim]` to `k` and `v` `[n, key heads * head_dim]`: as `q`.
    fn attend(q: FloatTensor<Self>, k: FloatTensor<Self>, v: FloatTensor<Self>, form: Form) -> FloatTensor<Self>;
    /// Attention of queries `[rows, heads, 1, head_dim]`, scaled, to the first of keys and values `[rows, key heads, room,
    /// head_dim]` under `mask` `[rows or 1, 1, 1, keys]`: as the queries. It has no gradient.
    fn decode(
        q: FloatTensor<Self>,
        k: FloatTensor<Self>,
        v: FloatTensor<Self>,
        mask: FloatTensor<Self>,
        cap: Option<f64>,
    ) -> FloatTensor<Self>;
    /// Gradients of [`Self::attend`] by `q`, `k` and `v`.
    fn attend_backward(
        q: FloatTensor<Self>,
        k: FloatTensor<Self>,
        v: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        form: Form,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);
}

/// Whether this machine multiplies bfloat16.
#[must_use]
pub fn has_bfloat16() -> bool {
    product::there()
}

/// What the factors of a product become in the precision that [`crate::device::precision`] names.
fn factors() -> Factors {
    match precision() {
        Precision::Float32 => Factors::Float32,
        Precision::Bfloat16 => Factors::Bfloat16 { weights: true },
    }
}

/// `a` `[m, k]` times weights `b` `[k, n]`, which lie `[n, k]` where they are `turned`: `[m, n]`, in the precision that
/// [`crate::device::precision`] names. A row's result is the same whatever rows stand beside it.
#[must_use]
pub fn product(a: Tensor<2>, b: Tensor<2>, turned: bool) -> Tensor<2> {
    product_of(a, b, turned, factors())
}

fn product_of(a: Tensor<2>, b: Tensor<2>, turned: bool, factors: Factors) -> Tensor<2> {
    if !has_fused() {
        return composed::product(a, if turned { b.transpose() } else { b }, factors);
    }
    Tensor::from_dispatch(<Dispatch as Fused>::product(a.into_dispatch(), b.into_dispatch(), turned, factors))
}

/// [`product`] with weights that are frozen and packed.
#[must_use]
pub fn held_product(a: Tensor<2>, b: Held) -> Tensor<2> {
    if !has_fused() {
        return composed::held(a, &b, factors());
    }
    Tensor::from_dispatch(<Dispatch as Fused>::held(a.into_dispatch(), b, factors()))
}

/// [`product`] for answers that are being written: of a few rows, in float32 whatever the precision, and with sums in
/// another order, which takes the time to read `b` once.
#[must_use]
pub fn writing_product(a: Tensor<2>, b: Tensor<2>, turned: bool) -> Tensor<2> {
    if !has_fused() || a.dims()[0] > FEW || a.is_autodiff() || b.is_autodiff() {
        return product(a, b, turned);
    }
    let b = if turned { b.transpose() } else { b };
    Tensor::from_dispatch(<Dispatch as Fused>::few(a.into_dispatch(), b.into_dispatch()))
}

/// [`writing_product`] with weights that are frozen and packed.
#[must_use]
pub fn writing_held_product(a: Tensor<2>, b: Held) -> Tensor<2> {
    if !has_fused() || a.dims()[0] > FEW || a.is_autodiff() {
        return held_product(a, b);
    }
    Tensor::from_dispatch(<Dispatch as Fused>::few_held(a.into_dispatch(), b))
}

/// `y` `[n, to]` plus what a low-rank adapter adds: `scale` times `x` `[n, from]` times `down` `[from, rank]` times `up`
/// `[rank, to]`, in float32 whatever the precision.
#[must_use]
pub fn low_rank(y: Tensor<2>, x: Tensor<2>, [down, up]: [Tensor<2>; 2], scale: f64) -> Tensor<2> {
    if !has_fused() {
        return composed::low_rank(y, x, [down, up], scale);
    }
    let [y, x, down, up] = [y, x, down, up].map(Tensor::into_dispatch);
    Tensor::from_dispatch(<Dispatch as Fused>::low_rank(y, x, down, up, scale))
}

/// `silu(gate) * up`, each `[n, width]`.
#[must_use]
pub fn swiglu(gate: Tensor<2>, up: Tensor<2>) -> Tensor<2> {
    if !has_fused() {
        return composed::swiglu(gate, up);
    }
    Tensor::from_dispatch(<Dispatch as Fused>::swiglu(gate.into_dispatch(), up.into_dispatch()))
}

/// Softmax over the last axis of `scores` `[rows, heads, tokens, keys]` plus a constant `[rows or 1, 1, tokens, keys]`.
#[must_use]
pub fn shares(scores: Tensor<4>, mask: Tensor<4>) -> Tensor<4> {
    if !has_fused() {
        return composed::shares(scores, mask);
    }
    Tensor::from_dispatch(<Dispatch as Fused>::shares(scores.into_dispatch(), mask.into_dispatch()))
}

/// Each row of `x` `[n, width]` over its root mean square, times `weight` `[1, width]`.
#[must_use]
pub fn rms(x: Tensor<2>, weight: Tensor<2>, eps: f64) -> Tensor<2> {
    if !has_fused() {
        return composed::rms(x, weight, eps);
    }
    Tensor::from_dispatch(<Dispatch as Fused>::rms(x.into_dispatch(), weight.into_dispatch(), eps))
}

/// Heads of `x` `[rows * tokens, heads * size]`, with `[rows, heads]` given, in the layout of attention:
/// `[rows, heads, tokens, size]`, times `scale`.
///
/// `turns` `[rows or 1, tokens, dim]` holds the cosines and then the sines of angles: each turns entry `i` of the first half
/// of a head's first `dim` entries with entry `i` of the second. With `dim` 0, none is turned.
#[must_use]
pub fn by_head(x: Tensor<2>, turns: Tensor<3>, sizes: [usize; 2], scale: f64) -> Tensor<4> {
    if !has_fused() {
        return composed::by_head(x, turns, sizes, scale);
    }
    Tensor::from_dispatch(<Dispatch as Fused>::by_head(x.into_dispatch(), turns.into_dispatch(), sizes, scale))
}

/// The way back of [`by_head`]: `[rows, heads, tokens, size]` turned by the negative angles and times `scale`,
/// `[rows * tokens, heads * size]`.
#[must_use]
pub fn by_token(x: Tensor<4>, turns: Tensor<3>, scale: f64) -> Tensor<2> {
    if !has_fused() {
        return composed::by_token(x, turns, scale);
    }
    Tensor::from_dispatch(<Dispatch as Fused>::by_token(x.into_dispatch(), turns.into_dispatch(), scale))
}

/// Turns nothing: `[1, tokens, 0]`.
#[must_use]
pub fn no_turns(tokens: usize, device: &Device) -> Tensor<3> {
    Tensor::from_data(TensorData::new(Vec::<f32>::new(), [1, tokens, 0]), device)
}

/// Log-probability of `labels` `[n]` under `scores` `[n, width]`: `[n]`, differentiable by the scores.
#[must_use]
pub fn label_log_probs(scores: Tensor<2>, labels: Tensor<1, Int>) -> Tensor<1> {
    if !has_fused() {
        return composed::label_log_probs(scores, labels);
    }
    let [n, _] = scores.dims();
    let found = <Dispatch as Fused>::label(scores.into_dispatch(), labels.into_dispatch());
    Tensor::<2>::from_dispatch(found).narrow(1, label::FOUND - 1, 1).reshape([n])
}

/// The logarithm of softmax over each row of `scores` `[n, width]`.
#[must_use]
pub fn log_softmax(scores: Tensor<2>) -> Tensor<2> {
    if !has_fused() {
        return composed::log_softmax(scores);
    }
    Tensor::from_dispatch(<Dispatch as Fused>::log_softmax_rows(scores.into_dispatch()))
}

/// Attention of queries `[n, heads * head_dim]` to keys and values `[n, key heads * head_dim]`: as the queries.
#[must_use]
pub fn attention([q, k, v]: [Tensor<2>; 3], form: Form) -> Tensor<2> {
    if !has_fused() {
        return composed::attention([q, k, v], &form);
    }
    let (q, k, v) = (q.into_dispatch(), k.into_dispatch(), v.into_dispatch());
    Tensor::from_dispatch(<Dispatch as Fused>::attend(q, k, v, form))
}

/// Attention of queries `[rows, heads, 1, head_dim]`, scaled, to the first of keys and values `[rows, key heads, room,
/// head_dim]` under a mask `[rows or 1, 1, 1, keys]`, with scores squeezed below `cap`: as the queries.
///
/// # Panics
/// Where one of them is in a graph: it has no gradient.
#[must_use]
pub fn decode(q: Tensor<4>, [k, v]: [Tensor<4>; 2], mask: Tensor<4>, cap: Option<f64>) -> Tensor<4> {
    if !has_fused() {
        return composed::decode(q, [k, v], mask, cap);
    }
    let [q, k, v, mask] = [q, k, v, mask].map(Tensor::into_dispatch);
    Tensor::from_dispatch(<Dispatch as Fused>::decode(q, k, v, mask, cap))
}

/// Rows up to which a product that reads the matrix as it is kept, and copies nothing, is the faster one.
const FEW: usize = 64;
/// Values that one task works on, about.
const TASK: usize = 1 << 15;

/// What fills some rows of a result. Its `fill` and all that this calls are always inlined: the widest instructions that
/// there are reach no further.
trait Kernel: Sync {
    /// Fills the rows from `first` on.
    fn fill<S: Simd>(&self, simd: S, first: usize, part: &mut [f32]);
}

/// A kernel with what it fills, in the form in which instructions are chosen.
struct Filling<'a, K>(&'a K, usize, &'a mut [f32]);

impl<K: Kernel> WithSimd for Filling<'_, K> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        self.0.fill(simd, self.1, self.2);
    }
}

/// Fills rows of `width` values, many at a time on each thread.
fn by_rows(out: &mut [f32], width: usize, kernel: &impl Kernel) {
    by_rows_of(out, width, width, kernel);
}

/// The same where a row takes as much work as `work` values.
fn by_rows_of(out: &mut [f32], width: usize, work: usize, kernel: &impl Kernel) {
    let (width, rows) = (width.max(1), (TASK / work.max(1)).max(1));
    let arch = Arch::new();
    out.par_chunks_mut(rows * width).enumerate().for_each(|(i, part)| arch.dispatch(Filling(kernel, i * rows, part)));
}

#[cfg(test)]
mod tests;
