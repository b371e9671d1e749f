//! The operations made of the tensor library's own, which every device has, with the gradients that it takes of them.

use std::cell::RefCell;
use std::sync::Arc;

use burn::tensor::activation::{self, silu, softmax};
use burn::tensor::{Bool, Device, FloatDType, Int, Tensor, TensorData};

use super::{Factors, Form, Held};
use crate::decoder::Reach;

/// What a score gets that is not to be seen.
const HIDDEN: f32 = -1e30;

/// Rounded to bfloat16, weights are so to the nearest, and so are results and gradients: sums alone are float32.
pub(super) fn product(a: Tensor<2>, b: Tensor<2>, factors: Factors) -> Tensor<2> {
    match factors {
        Factors::Float32 => a.matmul(b),
        Factors::Bfloat16 { .. } => a.cast(FloatDType::BF16).matmul(b.cast(FloatDType::BF16)).cast(FloatDType::F32),
    }
}

pub(super) fn held(a: Tensor<2>, b: &Held, factors: Factors) -> Tensor<2> {
    let b = b.tensor(&a.device());
    product(a, b, factors)
}

pub(super) fn low_rank(y: Tensor<2>, x: Tensor<2>, [down, up]: [Tensor<2>; 2], scale: f64) -> Tensor<2> {
    y + x.matmul(down).matmul(up).mul_scalar(scale)
}

pub(super) fn swiglu(gate: Tensor<2>, up: Tensor<2>) -> Tensor<2> {
    silu(gate) * up
}

pub(super) fn shares(scores: Tensor<4>, mask: Tensor<4>) -> Tensor<4> {
    softmax(scores + mask, 3)
}

pub(super) fn rms(x: Tensor<2>, weight: Tensor<2>, eps: f64) -> Tensor<2> {
    x.clone() * x.square().mean_dim(1).add_scalar(eps).sqrt().recip() * weight
}

pub(super) fn by_head(x: Tensor<2>, turns: Tensor<3>, [rows, heads]: [usize; 2], scale: f64) -> Tensor<4> {
    let [lines, width] = x.dims();
    let x: Tensor<4> = x.reshape([rows, lines / rows.max(1), heads, width / heads.max(1)]).swap_dims(1, 2);
    turned(x, turns, 1.0).mul_scalar(scale)
}

pub(super) fn by_token(x: Tensor<4>, turns: Tensor<3>, scale: f64) -> Tensor<2> {
    let [rows, heads, tokens, size] = x.dims();
    turned(x, turns, -1.0).mul_scalar(scale).swap_dims(1, 2).reshape([rows * tokens, heads * size])
}

/// Heads `[rows, heads, tokens, size]` turned by their angles, or, with `sign` -1, back.
fn turned(x: Tensor<4>, turns: Tensor<3>, sign: f64) -> Tensor<4> {
    let ([rows, _, tokens, size], [shown, _, dim]) = (x.dims(), turns.dims());
    if dim == 0 {
        return x;
    }
    let half = dim / 2;
    let of = |from: usize| -> Tensor<4> {
        let part = turns.clone().narrow(2, from, half).reshape([shown, 1, tokens, half]);
        if shown == 1 { part } else { part.repeat_dim(0, rows / shown) }
    };
    let (cos, sin) = (of(0), of(half).mul_scalar(sign));
    let (a, b) = (x.clone().narrow(3, 0, half), x.clone().narrow(3, half, half));
    let turned = [a.clone() * cos.clone() - b.clone() * sin.clone(), b * cos + a * sin];
    let rest = (dim < size).then(|| x.narrow(3, dim, size - dim));
    Tensor::cat(turned.into_iter().chain(rest).collect(), 3)
}

pub(super) fn label_log_probs(scores: Tensor<2>, labels: Tensor<1, Int>) -> Tensor<1> {
    let [n, _] = scores.dims();
    activation::log_softmax(scores, 1).gather(1, labels.reshape([n, 1])).reshape([n])
}

pub(super) fn log_softmax(scores: Tensor<2>) -> Tensor<2> {
    activation::log_softmax(scores, 1)
}

pub(super) fn attention([q, k, v]: [Tensor<2>; 3], form: &Form) -> Tensor<2> {
    let ([n, width], [heads, key_heads]) = (q.dims(), form.heads);
    let (each, size) = (heads / key_heads, width / heads);
    let (hidden, blind) = hidden(form, &q.device());
    // Query heads that share a key head are stacked, so that keys and values are not repeated.
    let q: Tensor<4> = q.reshape([n, key_heads, each, size]).permute([1, 2, 0, 3]);
    let [k, v] = [k, v].map(|t| -> Tensor<3> { t.reshape([n, key_heads, size]).swap_dims(0, 1) });
    let q: Tensor<3> = q.reshape([key_heads, each * n, size]);
    let scores: Tensor<4> = q.matmul(k.transpose()).reshape([key_heads, each, n, n]).mul_scalar(form.scale);
    let scores = squeezed(scores, form.cap.map(f64::from)).mask_fill(hidden, HIDDEN);
    let shares: Tensor<3> = softmax(scores, 3).reshape([key_heads, each * n, n]);
    let mixed: Tensor<4> = shares.matmul(v).reshape([key_heads, each, n, size]);
    mixed.permute([2, 0, 1, 3]).reshape([n, width]).mask_fill(blind, 0.0)
}

pub(super) fn decode(q: Tensor<4>, [k, v]: [Tensor<4>; 2], mask: Tensor<4>, cap: Option<f64>) -> Tensor<4> {
    let ([rows, heads, _, size], key_heads, keys) = (q.dims(), k.dims()[1], mask.dims()[3]);
    let [k, v] = [k, v].map(|t| t.narrow(2, 0, keys));
    let q: Tensor<4> = q.reshape([rows, key_heads, heads / key_heads, size]);
    let scores = squeezed(q.matmul(k.transpose()), cap) + mask;
    softmax(scores, 3).matmul(v).reshape([rows, heads, 1, size])
}

fn squeezed(scores: Tensor<4>, cap: Option<f64>) -> Tensor<4> {
    match cap {
        Some(cap) => scores.div_scalar(cap).tanh().mul_scalar(cap),
        None => scores,
    }
}

/// Of the tokens of a pass, what each does not see `[1, 1, n, n]`, and which see nothing `[n, 1]`.
type Masks = (Tensor<4, Bool>, Tensor<2, Bool>);

/// Masks, and what they were made of.
struct Made {
    reach: Arc<Reach>,
    window: Option<usize>,
    device: Device,
    masks: Masks,
}

thread_local! {
    /// The last ones: the layers of a pass, and the way back, ask for the same.
    static LAST: RefCell<Option<Made>> = const { RefCell::new(None) };
}

fn hidden(form: &Form, device: &Device) -> Masks {
    let last = LAST.with_borrow(|last| {
        let made = last.as_ref()?;
        let same = Arc::ptr_eq(&made.reach, &form.reach) && made.window == form.window && made.device == *device;
        same.then(|| made.masks.clone())
    });
    last.unwrap_or_else(|| {
        let masks = masks(&form.reach, form.window, device);
        let (reach, device) = (Arc::clone(&form.reach), device.clone());
        LAST.set(Some(Made { reach, window: form.window, device, masks: masks.clone() }));
        masks
    })
}

fn masks(reach: &Reach, window: Option<usize>, device: &Device) -> Masks {
    let n = reach.len();
    let (mut hidden, mut blind) = (vec![true; n * n], vec![true; n]);
    let mut walk = reach.walk(0..n, window);
    while let Some(group) = walk.steps(1) {
        let token = group.tokens.start;
        for range in &group.seen {
            hidden[token * n..][range.clone()].fill(false);
            blind[token] = false;
        }
    }
    let hidden = Tensor::from_data(TensorData::new(hidden, [1, 1, n, n]), device);
    (hidden, Tensor::from_data(TensorData::new(blind, [n, 1]), device))
}
