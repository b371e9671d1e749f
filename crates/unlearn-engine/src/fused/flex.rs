//! The operations on the processor.

use burn::backend::Flex;
use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::tensor::{Shape, TensorData};

use super::{
    Factors, Form, Fused, Held, attention, decode, few, heads, label, log_softmax, low_rank, product, rms, softmax,
    swiglu,
};

type Float = FloatTensor<Flex>;

impl Fused for Flex {
    fn product(a: Float, b: Float, turned: bool, factors: Factors) -> Float {
        let ([m, k], [rows, columns]) = (sizes(&a), sizes(&b));
        let (a, b) = (forwards(a), forwards(b));
        let (b, n) = if turned { (view(&b).turned(), rows) } else { (view(&b), columns) };
        of_shape(product::product(view(&a), b, [m, k, n], factors), [m, n])
    }

    fn held(a: Float, b: Held, factors: Factors) -> Float {
        let ([m, _], [_, n]) = (sizes(&a), b.sizes());
        of_shape(product::held_product(view(&forwards(a)), m, &b, factors), [m, n])
    }

    fn few(a: Float, b: Float) -> Float {
        let ([m, k], [_, n]) = (sizes(&a), sizes(&b));
        let (a, b) = (a.to_contiguous(), forwards(b));
        let b = if b.layout().strides().contains(&1) { b } else { b.to_contiguous() };
        of_shape(few::product(values(&a), view(&b), [m, k, n]), [m, n])
    }

    fn few_held(a: Float, b: Held) -> Float {
        let ([m, _], [_, n]) = (sizes(&a), b.sizes());
        of_shape(product::few_held(values(&a.to_contiguous()), m, &b), [m, n])
    }

    fn low_rank(y: Float, x: Float, down: Float, up: Float, scale: f64) -> Float {
        let [x, down, up] = [x, down, up].map(|x| x.to_contiguous());
        let mut y = contiguous(y);
        low_rank::forward(y.storage_mut(), &adapter([&x, &down, &up], scale));
        y
    }

    fn low_rank_backward(x: Float, down: Float, up: Float, gradient: Float, scale: f64) -> (Float, Float, Float) {
        let [x, down, up, gradient] = [x, down, up, gradient].map(|x| x.to_contiguous());
        let [by_x, by_down, by_up] = low_rank::backward(&adapter([&x, &down, &up], scale), values(&gradient));
        (made(by_x, &x), made(by_down, &down), made(by_up, &up))
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
            room: k.layout().shape()[2],
            keys: mask.layout().shape()[3],
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

/// The values of a contiguous tensor.
fn values(tensor: &Float) -> &[f32] {
    tensor.as_slice::<f32>().unwrap_or_default()
}

/// A tensor whose neighbours lie behind it.
fn forwards(x: Float) -> Float {
    if x.layout().strides().iter().all(|&step| step > 0) { x } else { x.to_contiguous() }
}

/// Rows and columns.
fn sizes(x: &Float) -> [usize; 2] {
    let shape = x.layout().shape();
    [shape[0], shape[1]]
}

/// A matrix of [`forwards`].
fn view(x: &Float) -> product::View<'_, f32> {
    let steps = x.layout().strides();
    let values = &x.storage::<f32>()[x.layout().start_offset()..];
    product::View { values, steps: [steps[0] as usize, steps[1] as usize], weights: false }
}

fn adapter<'a>([x, down, up]: [&'a Float; 3], scale: f64) -> low_rank::Adapter<'a> {
    let ([from, rank], [_, to]) = (sizes(down), sizes(up));
    low_rank::Adapter { x: values(x), down: values(down), up: values(up), sizes: [from, rank, to], scale: scale as f32 }
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
