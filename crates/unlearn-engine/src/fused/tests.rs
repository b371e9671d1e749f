//! Each against the same of Burn's own operations, values and gradients, on random shapes.

use std::sync::Arc;

use burn::tensor::activation::{self, silu, softmax};
use burn::tensor::{Device, Distribution, Tensor};
use proptest::prelude::*;
use unlearn_data::TokenRow;

use super::exp::exp;
use super::{
    Form, attention, by_head, by_token, composed, decode, label_log_probs, log_softmax, low_rank, no_turns, rms,
    shares, swiglu, writing_product,
};
use crate::decoder::Reach;
use crate::tensor::{indices, matrix, values};
use crate::tree::Tree;

fn random<const D: usize>(shape: [usize; D], spread: f64) -> Tensor<D> {
    Tensor::random(shape, Distribution::Normal(0.0, spread), &Device::flex())
}

/// A value's largest distance, and that of each gradient beside the largest entry of what is right.
fn compare_values<const D: usize, const N: usize>(
    inputs: [Tensor<D>; N],
    ours: impl Fn([Tensor<D>; N]) -> Tensor<D>,
    theirs: impl Fn([Tensor<D>; N]) -> Tensor<D>,
) {
    let pull = random(ours(inputs.clone()).dims(), 1.0);
    let run = |f: &dyn Fn([Tensor<D>; N]) -> Tensor<D>| -> (Vec<f32>, Vec<Vec<f32>>) {
        let leaves = inputs.clone().map(|x| x.autodiff().require_grad());
        let y = f(leaves.clone());
        let mut tape = (y.clone() * pull.clone()).sum().backward();
        let gradients = leaves.map(|leaf| values(leaf.grad_remove(&mut tape).expect("a gradient")));
        (values(y.detach()), gradients.to_vec())
    };
    let (a, b) = (run(&ours), run(&theirs));
    let far = |a: &[f32], b: &[f32], by: f32| {
        let size = b.iter().fold(1.0f32, |m, x| m.max(x.abs()));
        assert_eq!(a.len(), b.len());
        for (x, y) in a.iter().zip(b) {
            assert!((x - y).abs() <= by * size, "{x} and {y}");
        }
    };
    far(&a.0, &b.0, 1e-5);
    a.1.iter().zip(&b.1).for_each(|(a, b)| far(a, b, 1e-4));
}

/// The same, where values without a graph are those with one, to the bit.
fn compare<const D: usize, const N: usize>(
    inputs: [Tensor<D>; N],
    ours: impl Fn([Tensor<D>; N]) -> Tensor<D>,
    theirs: impl Fn([Tensor<D>; N]) -> Tensor<D>,
) {
    let tracked = values(ours(inputs.clone().map(|x| x.autodiff().require_grad())).detach());
    assert_eq!(values(ours(inputs.clone())), tracked);
    compare_values(inputs, ours, theirs);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn swiglu_is_what_it_is_made_of(n in 1usize..70, width in 1usize..90, spread in 0.1f64..20.0) {
        let inputs = [random([n, width], spread), random([n, width], 1.0)];
        compare(inputs.clone(), |[g, u]| swiglu(g, u), |[g, u]| silu(g) * u);
        compare_values(inputs, |[g, u]| composed::swiglu(g, u), |[g, u]| silu(g) * u);
    }

    #[test]
    fn rms_is_what_it_is_made_of(n in 1usize..200, width in 1usize..90, spread in 0.01f64..20.0) {
        let weight: Tensor<2> = random([1, width], 1.0);
        let x = random([n, width], spread);
        let theirs = |x: Tensor<2>, w: Tensor<2>| {
            x.clone() * x.square().mean_dim(1).add_scalar(1e-5).sqrt().recip() * w
        };
        let w = weight.clone();
        compare([x.clone()], |[x]| rms(x, w.clone(), 1e-5), |[x]| theirs(x, w.clone()));
        compare_values([x.clone()], |[x]| composed::rms(x, w.clone(), 1e-5), |[x]| theirs(x, w.clone()));
        // The weight's gradient is a sum over the rows: the same for a weight in every row, summed up.
        let leaf = |t: &Tensor<2>| t.clone().autodiff().require_grad();
        let (a, b) = (leaf(&weight), leaf(&weight));
        let mut tape = rms(x.clone().autodiff(), a.clone(), 1e-5).square().sum().backward();
        let ours = values(a.grad_remove(&mut tape).expect("a gradient"));
        let mut tape = theirs(x.autodiff(), b.clone()).square().sum().backward();
        let right = values(b.grad_remove(&mut tape).expect("a gradient"));
        let size = right.iter().fold(1.0f32, |m, x| m.max(x.abs()));
        for (x, y) in ours.iter().zip(&right) {
            prop_assert!((x - y).abs() <= 1e-4 * size, "{x} and {y}");
        }
    }

    #[test]
    fn a_product_of_few_rows_is_what_it_is(
        m in 1usize..66, k in prop_oneof![1usize..4, 1usize..90], n in prop_oneof![1usize..4, 1usize..1200], turned in any::<bool>(), cut in 0usize..3,
    ) {
        let b = if turned { random([n, k], 1.0) } else { random([k, n + cut], 1.0).narrow(1, cut, n) };
        let a = random([m, k], 1.0);
        let as_is = if turned { b.clone().transpose() } else { b.clone() };
        let (ours, right) = (values(writing_product(a.clone(), b.clone(), turned)), values(a.clone().matmul(as_is)));
        let size = right.iter().fold(1.0f32, |m, x| m.max(x.abs()));
        prop_assert_eq!(ours.len(), right.len());
        for (x, y) in ours.iter().zip(&right) {
            prop_assert!((x - y).abs() <= 1e-5 * size, "{x} and {y}");
        }
        for threads in [1, 3] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
            prop_assert!(ours == pool.install(|| values(writing_product(a.clone(), b.clone(), turned))));
        }
    }

    #[test]
    fn what_an_adapter_adds_is_what_it_is_made_of(
        n in 1usize..40, from in 1usize..70, rank in 1usize..20, to in 1usize..70, scale in 0.1f64..3.0,
    ) {
        let inputs = [[n, to], [n, from], [from, rank], [rank, to]].map(|shape| random(shape, 1.0));
        let theirs = |[y, x, down, up]: [Tensor<2>; 4]| y + x.matmul(down).matmul(up).mul_scalar(scale);
        compare(inputs.clone(), |[y, x, down, up]| low_rank(y, x, [down, up], scale), theirs);
        compare_values(inputs, |[y, x, down, up]| composed::low_rank(y, x, [down, up], scale), theirs);
        // What it is added to is someone else's too.
        let [y, x, down, up] = [[n, to], [n, from], [from, rank], [rank, to]].map(|shape| random(shape, 1.0));
        let was = values(y.clone());
        let _ = low_rank(y.clone(), x, [down, up], scale);
        prop_assert_eq!(values(y), was);
    }

    #[test]
    fn shares_are_what_they_are_made_of(
        rows in 1usize..4, heads in 1usize..4, tokens in 1usize..20, keys in 1usize..40, own in any::<bool>(),
        spread in 0.1f64..20.0,
    ) {
        let shown = if own { rows } else { 1 };
        let hidden = random([shown, 1, tokens, keys], 1.0).greater_elem(0.5);
        let mask = Tensor::<4>::zeros([shown, 1, tokens, keys], &Device::flex()).mask_fill(hidden, -1e30);
        let scores = random([rows, heads, tokens, keys], spread);
        compare([scores.clone()], |[s]| shares(s, mask.clone()), |[s]| softmax(s + mask.clone(), 3));
        compare_values([scores], |[s]| composed::shares(s, mask.clone()), |[s]| softmax(s + mask.clone(), 3));
    }

    #[test]
    fn scores_that_something_else_keeps_are_left_as_they_are(n in 1usize..8, width in 2usize..60) {
        // A label's gradient takes the place of the scores, unless their square needs them still.
        let labels = |n: usize| crate::tensor::indices((0..n).map(|i| (i % width) as i64).collect(), &Device::flex());
        let square = |s: Tensor<2>| (s.clone() * s).sum_dim(1);
        let picked = |s: Tensor<2>| log_softmax(s).gather(1, labels(n).reshape([n, 1]));
        compare(
            [random([n, width], 2.0)],
            |[s]| square(s.clone()) + label_log_probs(s, labels(n)).reshape([n, 1]),
            |[s]| square(s.clone()) + picked(s),
        );
    }

    #[test]
    fn attention_to_the_cache_is_what_it_is_made_of(
        rows in 1usize..4, key_heads in 1usize..4, each in 1usize..4, keys in 1usize..70, size in 1usize..40,
        own in any::<bool>(), spare in 0usize..5, cap in prop::option::of(0.5f64..20.0),
    ) {
        let hidden = random([if own { rows } else { 1 }, 1, 1, keys], 1.0).greater_elem(0.5);
        let mask = Tensor::<4>::zeros(hidden.dims(), &Device::flex()).mask_fill(hidden, -1e30);
        let q = random([rows, key_heads * each, 1, size], 1.0);
        let [k, v] = [(); 2].map(|()| random([rows, key_heads, keys + spare, size], 1.0));
        let ours = values(decode(q.clone(), [k.clone(), v.clone()], mask.clone(), cap));
        let parts = values(composed::decode(q.clone(), [k.clone(), v.clone()], mask.clone(), cap));
        let [k, v] = [k, v].map(|t| t.narrow(2, 0, keys));
        let spread = |x: Tensor<4>| -> Tensor<4> {
            let x: Tensor<5> = x.reshape([rows, key_heads, 1, keys, size]).repeat_dim(2, each);
            x.reshape([rows, key_heads * each, keys, size])
        };
        let scores: Tensor<4> = q.matmul(spread(k).transpose());
        let scores = match cap {
            Some(cap) => scores.div_scalar(cap).tanh().mul_scalar(cap),
            None => scores,
        };
        let right = values(softmax(scores + mask, 3).matmul(spread(v)));
        prop_assert_eq!([ours.len(), parts.len()], [right.len(); 2]);
        for (x, y) in ours.iter().zip(&right).chain(parts.iter().zip(&right)) {
            prop_assert!((x - y).abs() <= 1e-5 * y.abs().max(1.0), "{x} and {y}");
        }
    }

    #[test]
    fn heads_are_turned_by_their_angles_and_back(
        rows in 1usize..4, tokens in 1usize..20, heads in 1usize..4, half in 0usize..20, rest in 0usize..5, own in any::<bool>(),
        scale in 0.1f64..3.0,
    ) {
        let (size, shown) = (2 * half + rest, if own { rows } else { 1 });
        prop_assume!(size > 0);
        let device = Device::flex();
        let angles = random([shown, tokens, half.max(1)], 3.0);
        let turns = match half {
            0 => no_turns(tokens, &device),
            _ => Tensor::cat(vec![angles.clone().cos(), angles.clone().sin()], 2),
        };
        let shape = [rows * tokens, heads * size];
        let right = |x: Tensor<2>| -> Tensor<4> {
            let x: Tensor<4> = x.reshape([rows, tokens, heads, size]).permute([0, 2, 1, 3]);
            if half == 0 {
                return x.mul_scalar(scale);
            }
            let of = |t: Tensor<3>| -> Tensor<4> { t.reshape([shown, 1, tokens, half]) };
            let (cos, sin) = (of(angles.clone().cos()), of(angles.clone().sin()));
            let (a, b) = (x.clone().narrow(3, 0, half), x.clone().narrow(3, half, half));
            let turned = [a.clone() * cos.clone() - b.clone() * sin.clone(), b * cos + a * sin];
            let kept = (rest > 0).then(|| x.narrow(3, 2 * half, rest));
            Tensor::cat(turned.into_iter().chain(kept).collect(), 3).mul_scalar(scale)
        };
        compare(
            [random(shape, 1.0)],
            |[x]| by_head(x, turns.clone(), [rows, heads], scale).reshape(shape),
            |[x]| right(x).reshape(shape),
        );
        compare_values(
            [random(shape, 1.0)],
            |[x]| composed::by_head(x, turns.clone(), [rows, heads], scale).reshape(shape),
            |[x]| right(x).reshape(shape),
        );
        // There and back is nowhere.
        let back = |x: Tensor<2>| by_token(by_head(x, turns.clone(), [rows, heads], scale), turns.clone(), 1.0 / scale);
        compare([random(shape, 1.0)], |[x]| back(x), |[x]| x);
        let back = |x: Tensor<2>| {
            composed::by_token(composed::by_head(x, turns.clone(), [rows, heads], scale), turns.clone(), 1.0 / scale)
        };
        compare([random(shape, 1.0)], |[x]| back(x), |[x]| x);
    }

    #[test]
    fn attention_is_what_it_is_made_of(
        rows in prop::collection::vec(prop::collection::vec(0u32..3, 2..40), 1..5),
        hidden in prop::option::of(0u32..3), window in prop::option::of(1usize..20),
        groups in 1usize..4, kv_heads in 1usize..4, dim in prop_oneof![1usize..40, Just(64), 90usize..130], capped in any::<bool>(),
    ) {
        let row = |ids: Vec<u32>| {
            let labels = vec![-100; ids.len()];
            TokenRow { hidden, ..TokenRow::of_tokens(ids, labels) }
        };
        let rows: Vec<TokenRow> = rows.into_iter().map(row).collect();
        let tree = Tree::of(&rows.iter().collect::<Vec<_>>(), 0);
        let (n, heads) = (tree.len(), groups * kv_heads);
        let cap = capped.then_some(2.0);
        let reach = Arc::new(Reach::tree(&tree));
        let form = Form { reach, window, heads: [heads, kv_heads], scale: 0.3, cap };
        // Every way is walked.
        let mut mask = vec![-1e30; n * n];
        let mut blind = vec![1.0; n];
        for node in 0..n {
            let way = tree.way(node).take(window.unwrap_or(usize::MAX));
            for seen in way.filter(|&seen| !tree.unseen[seen]) {
                mask[node * n + seen] = 0.0;
                blind[node] = 0.0;
            }
        }
        let mask = matrix(mask, n, n, &Device::flex());
        let sees = matrix(blind.iter().map(|b| 1.0 - b).collect(), n, 1, &Device::flex());
        let theirs = |[q, k, v]: [Tensor<2>; 3]| {
            let part = |x: &Tensor<2>, h: usize| x.clone().narrow(1, h * dim, dim);
            let head = |h: usize| {
                let scores = part(&q, h).matmul(part(&k, h / groups).transpose()).mul_scalar(0.3);
                let scores = match cap {
                    Some(cap) => scores.div_scalar(cap).tanh().mul_scalar(cap),
                    None => scores,
                };
                softmax(scores + mask.clone(), 1).matmul(part(&v, h / groups)) * sees.clone()
            };
            Tensor::cat((0..heads).map(head).collect(), 1)
        };
        let inputs = [heads, kv_heads, kv_heads].map(|h| random([n, h * dim], 1.5));
        compare(inputs.clone(), |x| attention(x, form.clone()), theirs);
        compare_values(inputs, |x| composed::attention(x, &form), theirs);
    }

    #[test]
    fn log_probabilities_are_what_they_are_made_of(
        labels in prop::collection::vec(0i64..3000, 1..20), width in 1usize..3000, spread in 0.1f64..50.0,
    ) {
        let n = labels.len();
        let labels = indices(labels.into_iter().map(|l| l % width as i64).collect(), &Device::flex());
        // Their gradients come back through a matrix, of which they are a column.
        let own = |x: Tensor<2>| label_log_probs(x, labels.clone()).reshape([n, 1]).repeat_dim(1, width);
        let right = |x: Tensor<2>| {
            activation::log_softmax(x, 1).gather(1, labels.clone().reshape([n, 1])).repeat_dim(1, width)
        };
        compare([random([n, width], spread)], |[x]| own(x), |[x]| right(x));
        let parts = |x: Tensor<2>| composed::label_log_probs(x, labels.clone()).reshape([n, 1]).repeat_dim(1, width);
        compare([random([n, width], spread)], |[x]| parts(x), |[x]| right(x));
        compare([random([n, width], spread)], |[x]| log_softmax(x), |[x]| activation::log_softmax(x, 1));
    }
}

#[test]
fn log_probabilities_are_exact_where_scores_are_extreme() {
    let inf = f32::INFINITY;
    let row = |scores: Vec<f32>| Tensor::<1>::from_data(scores.as_slice(), &Device::flex()).reshape([1, 4]);
    for (scores, right) in [
        (vec![1e4, 1e4, -inf, -1e4], vec![-std::f32::consts::LN_2, -std::f32::consts::LN_2, -inf, -20_000.693]),
        (vec![-3e38, -inf, -inf, -inf], vec![0.0, -inf, -inf, -inf]),
        (vec![0.0, -50.0, -200.0, -inf], vec![0.0, -50.0, -200.0, -inf]),
    ] {
        assert_eq!(values(log_softmax(row(scores.clone()))), right);
        for (label, &right) in right.iter().enumerate() {
            let leaf = row(scores.clone()).autodiff().require_grad();
            let found = label_log_probs(leaf.clone(), indices(vec![label as i64], &Device::flex()));
            let mut tape = found.clone().sum().backward();
            assert_eq!(values(found.detach()), [right]);
            let gradient = values(leaf.grad_remove(&mut tape).expect("a gradient"));
            assert!(
                gradient.iter().all(|g| g.is_finite()) && gradient.iter().sum::<f32>().abs() < 1e-6,
                "{gradient:?}"
            );
        }
    }
    let nothing = label_log_probs(row(vec![0.0, f32::NAN, 1.0, 2.0]), indices(vec![0], &Device::flex()));
    assert!(values(nothing)[0].is_nan());
}

#[test]
fn the_exponential_function_is_close_everywhere() {
    for i in -870_000..=880_000 {
        let x = i as f32 * 1e-4;
        let right = f64::from(x).exp();
        let unit = f64::from((right as f32).next_up() - right as f32);
        assert!((f64::from(exp(x)) - right).abs() < unit, "{x}: {} and {right}", exp(x));
    }
    assert_eq!((exp(-1e30), exp(-88.0), exp(f32::NEG_INFINITY)), (0.0, 0.0, 0.0));
    assert!(exp(f32::NAN).is_nan() && exp(0.0) == 1.0);
}
