//! Operations that Burn would make of many, each of which writes its whole result: here each is one pass over memory, on
//! all threads, with its gradient written by hand. Results are the same at any thread count.

mod ahead;
mod attention;
mod decode;
mod exp;
mod few;
mod heads;
mod label;
mod lanes;
mod log_softmax;
mod product;
mod rms;
mod softmax;
mod swiglu;

use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{Autodiff, Backend, Dispatch, Flex, backend_extension};
use burn::tensor::{Device, Int, Shape, Tensor, TensorData};
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

pub use attention::Form;

use crate::device::{Precision, precision};

/// The operations, and their gradients.
#[backend_extension(Flex, Autodiff)]
pub trait Fused: Backend {
    /// `a` `[m, k]` times `b` `[k, n]`, both rounded to bfloat16: `[m, n]`. `weights`: whether `b` holds weights, as where
    /// there is a graph it does.
    fn product(a: FloatTensor<Self>, b: FloatTensor<Self>, weights: bool) -> FloatTensor<Self>;
    /// `a` `[m, k]`, of few rows, times `b` `[k, n]`: `[m, n]`. It has no gradient.
    fn few(a: FloatTensor<Self>, b: FloatTensor<Self>) -> FloatTensor<Self>;
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
    /// Attention of queries `[rows, heads, 1, head_dim]`, scaled, to keys and values `[rows, key heads, keys, head_dim]`
    /// under `mask` `[rows or 1, 1, 1, keys]`: as the queries. It has no gradient.
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

/// `a` `[m, k]` times weights `b` `[k, n]`: `[m, n]`, in the precision that [`crate::device::precision`] names. A row's
/// result is the same whatever rows stand beside it.
#[must_use]
pub fn product(a: Tensor<2>, b: Tensor<2>) -> Tensor<2> {
    if precision() == Precision::Float32 { a.matmul(b) } else { rounded_product(a, b) }
}

/// [`product`] for answers that are being written: of a few rows, in float32 whatever the precision, and with sums in
/// another order, which takes the time to read `b` once.
#[must_use]
pub fn writing_product(a: Tensor<2>, b: Tensor<2>) -> Tensor<2> {
    if a.dims()[0] > FEW || a.is_autodiff() || b.is_autodiff() {
        return product(a, b);
    }
    Tensor::from_dispatch(<Dispatch as Fused>::few(a.into_dispatch(), b.into_dispatch()))
}

fn rounded_product(a: Tensor<2>, b: Tensor<2>) -> Tensor<2> {
    Tensor::from_dispatch(<Dispatch as Fused>::product(a.into_dispatch(), b.into_dispatch(), true))
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

/// Heads of `x` `[rows * tokens, heads * size]`, with `[rows, heads]` given, in the layout of attention:
/// `[rows, heads, tokens, size]`, times `scale`.
///
/// `turns` `[rows or 1, tokens, dim]` holds the cosines and then the sines of angles: each turns entry `i` of the first half
/// of a head's first `dim` entries with entry `i` of the second. With `dim` 0, none is turned.
#[must_use]
pub fn by_head(x: Tensor<2>, turns: Tensor<3>, sizes: [usize; 2], scale: f64) -> Tensor<4> {
    Tensor::from_dispatch(<Dispatch as Fused>::by_head(x.into_dispatch(), turns.into_dispatch(), sizes, scale))
}

/// The way back of [`by_head`]: `[rows, heads, tokens, size]` turned by the negative angles and times `scale`,
/// `[rows * tokens, heads * size]`.
#[must_use]
pub fn by_token(x: Tensor<4>, turns: Tensor<3>, scale: f64) -> Tensor<2> {
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
    let [n, _] = scores.dims();
    let found = <Dispatch as Fused>::label(scores.into_dispatch(), labels.into_dispatch());
    Tensor::<2>::from_dispatch(found).narrow(1, label::FOUND - 1, 1).reshape([n])
}

/// The logarithm of softmax over each row of `scores` `[n, width]`.
#[must_use]
pub fn log_softmax(scores: Tensor<2>) -> Tensor<2> {
    Tensor::from_dispatch(<Dispatch as Fused>::log_softmax_rows(scores.into_dispatch()))
}

/// Attention of queries `[n, heads * head_dim]` to keys and values `[n, key heads * head_dim]`: as the queries.
#[must_use]
pub fn attention([q, k, v]: [Tensor<2>; 3], form: Form) -> Tensor<2> {
    let (q, k, v) = (q.into_dispatch(), k.into_dispatch(), v.into_dispatch());
    Tensor::from_dispatch(<Dispatch as Fused>::attend(q, k, v, form))
}

/// Attention of queries `[rows, heads, 1, head_dim]`, scaled, to keys and values `[rows, key heads, keys, head_dim]` under
/// a mask `[rows or 1, 1, 1, keys]`, with scores squeezed below `cap`: as the queries.
///
/// # Panics
/// Where one of them is in a graph: it has no gradient.
#[must_use]
pub fn decode(q: Tensor<4>, [k, v]: [Tensor<4>; 2], mask: Tensor<4>, cap: Option<f64>) -> Tensor<4> {
    let [q, k, v, mask] = [q, k, v, mask].map(Tensor::into_dispatch);
    Tensor::from_dispatch(<Dispatch as Fused>::decode(q, k, v, mask, cap))
}

type Float = FloatTensor<Flex>;

impl Fused for Flex {
    fn product(a: Float, b: Float, weights: bool) -> Float {
        let shape = [&a, &b].map(|x| [x.layout().shape()[0], x.layout().shape()[1]]);
        let ([m, k], [_, n]) = (shape[0], shape[1]);
        let (a, b) = (forwards(a), forwards(b));
        of_shape(product::product(view(&a, false), view(&b, weights), [m, k, n]), [m, n])
    }

    fn few(a: Float, b: Float) -> Float {
        let shape = [&a, &b].map(|x| [x.layout().shape()[0], x.layout().shape()[1]]);
        let ([m, k], [_, n]) = (shape[0], shape[1]);
        let (a, b) = (a.to_contiguous(), forwards(b));
        let b = if b.layout().strides().contains(&1) { b } else { b.to_contiguous() };
        of_shape(few::product(values(&a), view(&b, false), [m, k, n]), [m, n])
    }

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

    fn by_head(x: Float, turns: Float, [rows, heads]: [usize; 2], scale: f64) -> Float {
        let (x, turns) = (x.to_contiguous(), turns.to_contiguous());
        let shape = x.layout().shape();
        let (tokens, size) = (shape[0] / rows.max(1), shape[1] / heads.max(1));
        let way = way(&turns, [heads, tokens, size], scale);
        of_shape(heads::by_head(values(&x), &way), [rows, heads, tokens, size])
    }

    fn by_token(x: Float, turns: Float, scale: f64) -> Float {
        let (x, turns) = (x.to_contiguous(), turns.to_contiguous());
        let shape = x.layout().shape();
        let [rows, heads, tokens, size] = [shape[0], shape[1], shape[2], shape[3]];
        let way = way(&turns, [heads, tokens, size], scale);
        of_shape(heads::by_token(values(&x), &way), [rows * tokens, heads * size])
    }

    fn label(scores: Float, labels: IntTensor<Flex>) -> Float {
        let (scores, labels) = (scores.to_contiguous(), places(labels));
        let width = scores.layout().shape()[1];
        of_shape(label::forward(values(&scores), width, &labels), [labels.len(), label::FOUND])
    }

    fn label_backward(scores: Float, labels: IntTensor<Flex>, found: Float, gradient: Float) -> Float {
        let (mut scores, labels) = (contiguous(scores), places(labels));
        let (found, gradient) = (found.to_contiguous(), gradient.to_contiguous());
        let width = scores.layout().shape()[1];
        label::backward((scores.storage_mut(), width), &labels, (values(&found), values(&gradient)));
        scores
    }

    fn log_softmax_rows(scores: Float) -> Float {
        let scores = scores.to_contiguous();
        made(log_softmax::forward(values(&scores), scores.layout().shape()[1]), &scores)
    }

    fn log_softmax_backward(log_probs: Float, gradient: Float) -> Float {
        let (log_probs, gradient) = (log_probs.to_contiguous(), gradient.to_contiguous());
        let width = log_probs.layout().shape()[1];
        made(log_softmax::backward(values(&log_probs), values(&gradient), width), &log_probs)
    }

    fn attend(q: Float, k: Float, v: Float, form: Form) -> Float {
        let (q, k, v) = (q.to_contiguous(), k.to_contiguous(), v.to_contiguous());
        made(attention::forward([values(&q), values(&k), values(&v)], &form), &q)
    }

    fn decode(q: Float, k: Float, v: Float, mask: Float, cap: Option<f64>) -> Float {
        let [q, k, v, mask] = [q, k, v, mask].map(|x| x.to_contiguous());
        let (heads, key_heads) = (q.layout().shape()[1], k.layout().shape()[1]);
        let looking = decode::Looking {
            q: values(&q),
            cached: [values(&k), values(&v)],
            mask: values(&mask),
            heads: [heads, heads / key_heads],
            keys: k.layout().shape()[2],
            head_dim: q.layout().shape()[3],
            cap: cap.map(|cap| cap as f32),
        };
        made(decode::attention(&looking), &q)
    }

    fn attend_backward(q: Float, k: Float, v: Float, gradient: Float, form: Form) -> (Float, Float, Float) {
        let (q, k, v) = (q.to_contiguous(), k.to_contiguous(), v.to_contiguous());
        let gradient = gradient.to_contiguous();
        let [by_q, by_k, by_v] = attention::backward([values(&q), values(&k), values(&v)], values(&gradient), &form);
        (made(by_q, &q), made(by_k, &k), made(by_v, &v))
    }
}

impl<B: Backend + Fused, C: CheckpointStrategy> Fused for Autodiff<B, C> {
    fn product(a: FloatTensor<Self>, b: FloatTensor<Self>, _: bool) -> FloatTensor<Self> {
        product::tracked::<B, C>(a, b)
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

/// The values of a contiguous tensor.
fn values(tensor: &Float) -> &[f32] {
    tensor.as_slice::<f32>().unwrap_or_default()
}

/// A tensor whose neighbours lie behind it.
fn forwards(x: Float) -> Float {
    if x.layout().strides().iter().all(|&step| step > 0) { x } else { x.to_contiguous() }
}

/// A matrix of [`forwards`].
fn view(x: &Float, weights: bool) -> product::View<'_> {
    let steps = x.layout().strides();
    let values = &x.storage::<f32>()[x.layout().start_offset()..];
    product::View { values, steps: [steps[0] as usize, steps[1] as usize], weights }
}

/// A tensor whose storage holds its values and no others: what it shares with another is copied when it is written to.
fn contiguous(x: Float) -> Float {
    let whole = x.is_contiguous() && x.storage::<f32>().len() == x.layout().num_elements();
    if whole { x } else { x.to_contiguous() }
}

/// The values of a tensor of indices.
fn places(tensor: IntTensor<Flex>) -> Vec<usize> {
    tensor.into_data().iter::<i64>().map(|i| i as usize).collect()
}

/// A tensor of the shape of another.
fn made(values: Vec<f32>, like: &Float) -> Float {
    of_shape(values, like.layout().shape().clone())
}

fn of_shape(values: Vec<f32>, shape: impl Into<Shape>) -> Float {
    Float::from_data(TensorData::new(values, shape))
}

fn way(turns: &Float, [heads, tokens, size]: [usize; 3], scale: f64) -> heads::Way<'_> {
    heads::Way { tokens, heads, size, turns: values(turns), dim: turns.layout().shape()[2], scale: scale as f32 }
}

/// Rows up to which a product has to wait for memory more than for the processor.
const FEW: usize = 15;
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
