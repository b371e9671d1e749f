//! Against float64 on rounded factors, on random shapes and steps.

use std::sync::Arc;

use burn::backend::Dispatch;
use burn::tensor::{Device, Distribution, Tensor};
use proptest::prelude::*;

use super::super::entry::Entry;
use super::super::{Fused, product_of};
use super::{Factors, Held, there};
use crate::decoder::{Packed, Packing};
use crate::tensor::{matrix, values};

const ROUNDED: Factors = Factors::Bfloat16 { weights: true };

fn random(shape: [usize; 2]) -> Tensor<2> {
    Tensor::random(shape, Distribution::Normal(0.0, 1.0), &Device::flex())
}

fn bfloat16(x: f32) -> f64 {
    f64::from(half::bf16::from_f32(x))
}

/// As weights are rounded that lie in memory as given.
fn as_weights(w: &[f32]) -> Vec<f32> {
    w.iter().enumerate().map(|(i, &x)| f32::from_bits(x.dithered(i) << 16)).collect()
}

/// Whether `ours` `[m, n]` is the product of `a` `[m, k]` and `b` `[k, n]`, each rounded.
fn check(ours: &[f32], a: &Tensor<2>, b: &Tensor<2>) -> Result<(), TestCaseError> {
    let ([m, k], [_, n]) = (a.dims(), b.dims());
    let (a, b) = (values(a.clone()), values(b.clone()));
    prop_assert_eq!(ours.len(), m * n);
    for (at, &found) in ours.iter().enumerate() {
        let terms = (0..k).map(|i| bfloat16(a[at / n * k + i]) * bfloat16(b[i * n + at % n]));
        let (right, size) = terms.fold((0.0, 1e-6), |(sum, size), x| (sum + x, size + x.abs()));
        prop_assert!((f64::from(found) - right).abs() <= 1e-6 * size, "{found} is not {right}");
    }
    Ok(())
}

/// Says so where the processor has no such products.
fn skipped() -> bool {
    if !there() {
        println!("skipped: this machine multiplies no bfloat16");
    }
    !there()
}

#[test]
fn rounding_is_to_the_nearest_even() {
    let odd =
        [0.0, -0.0, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, f32::MIN_POSITIVE, 1e-42, 1.003_906_2, 1.011_718_8];
    for bits in (0..u32::MAX - 99_991).step_by(99_991).chain(odd.map(f32::to_bits)) {
        let x = f32::from_bits(bits);
        if x.is_nan() {
            assert!(f32::from_bits(x.rounded() << 16).is_nan(), "{bits:x}");
        } else {
            assert_eq!(x.rounded(), u32::from(half::bf16::from_f32(x).to_bits()), "{x}");
        }
    }
}

#[test]
fn a_weight_is_what_it_is_in_the_mean() {
    // Between two bfloat16, a weight is the upper one in as many places as it is near it; on one, it is that everywhere.
    for (below, above) in [(1.0_f32, 1.007_812_5_f32), (-0.031_25, -0.031_494_14)] {
        for share in [0.0, 0.01, 0.3, 0.5, 0.97] {
            let x = below + share * (above - below);
            let n = 10_000;
            let all = as_weights(&vec![x; n]);
            assert!(all.iter().all(|y| *y == below || *y == above), "{x}");
            let upper = all.iter().filter(|y| **y == above).count() as f32 / n as f32;
            assert!((upper - share).abs() < 1e-3, "{upper} and {share}");
        }
    }
    assert!(as_weights(&[f32::NAN; 50]).iter().all(|x| x.is_nan()));
    assert!(as_weights(&[f32::INFINITY; 50]).iter().all(|x| *x == f32::INFINITY));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_product_is_that_of_the_rounded_factors(
        m in 1usize..90, k in 1usize..700, n in 1usize..150, turned in any::<[bool; 2]>(), cut in 0usize..5,
    ) {
        if skipped() {
            return Ok(());
        }
        // As they lie, as the transpose of what lies there, and as a part of something wider.
        let a = if turned[0] { random([k, m]).transpose() } else { random([m, k + cut]).narrow(1, cut, k) };
        let lying = random(if turned[1] { [n, k] } else { [k, n] });
        let as_rounded = matrix(as_weights(&values(lying.clone())), lying.dims()[0], lying.dims()[1], &Device::flex());
        let [b, right] = [lying, as_rounded].map(|b| if turned[1] { b.transpose() } else { b });
        let ours = values(product_of(a.clone(), b.clone(), false, ROUNDED));
        check(&ours, &a, &right)?;
        // In one order at any number of threads.
        for threads in [1, 3] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
            prop_assert!(ours == pool.install(|| values(product_of(a.clone(), b.clone(), false, ROUNDED))));
        }
    }

    #[test]
    fn gradients_are_products_too(
        m in 1usize..60, k in 1usize..60, n in 1usize..60, turned in any::<bool>(), rounded in any::<bool>(),
    ) {
        if rounded && skipped() {
            return Ok(());
        }
        let factors = if rounded { ROUNDED } else { Factors::Float32 };
        let (a, b, pull) = (random([m, k]), random(if turned { [n, k] } else { [k, n] }), random([m, n]));
        let [x, y] = [&a, &b].map(|t| t.clone().autodiff().require_grad());
        let mut tape = (product_of(x.clone(), y.clone(), turned, factors) * pull.clone()).sum().backward();
        let [by_a, by_b] = [x, y].map(|leaf| values(leaf.grad_remove(&mut tape).expect("a gradient")));
        let along = |b: Tensor<2>| if turned { b.transpose() } else { b };
        let ours = values(product_of(a.clone(), b.clone(), turned, factors));
        if rounded {
            let [rows, columns] = b.dims();
            let right = matrix(as_weights(&values(b.clone())), rows, columns, &Device::flex());
            check(&ours, &a, &along(right.clone()))?;
            check(&by_a, &pull, &along(right).transpose())?;
            let (left, right) = if turned { (pull.clone(), a.clone()) } else { (a.clone(), pull.clone()) };
            check(&by_b, &left.transpose(), &right)?;
        } else {
            near(&ours, &values(a.clone().matmul(along(b.clone()))), 1e-5)?;
            near(&by_a, &values(pull.clone().matmul(along(b.clone()).transpose())), 1e-5)?;
            near(&by_b, &values(along(a.clone().transpose().matmul(pull.clone()))), 1e-5)?;
        }
        // A constant factor gets none, and changes nothing.
        let x = a.autodiff().require_grad();
        let mut tape = (product_of(x.clone(), b, turned, factors) * pull).sum().backward();
        prop_assert_eq!(values(x.grad_remove(&mut tape).expect("a gradient")), by_a);
    }
}

/// As a graph or none has it.
fn held(a: Tensor<2>, b: &Held, factors: Factors) -> Tensor<2> {
    Tensor::from_dispatch(<Dispatch as Fused>::held(a.into_dispatch(), b.clone(), factors))
}

/// The distance of two beside the largest entry.
fn near(a: &[f32], b: &[f32], by: f32) -> Result<(), TestCaseError> {
    let size = b.iter().fold(1.0f32, |m, x| m.max(x.abs()));
    prop_assert_eq!(a.len(), b.len());
    for (x, y) in a.iter().zip(b) {
        prop_assert!((x - y).abs() <= by * size, "{} and {}", x, y);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_float32_product_is_what_it_is(
        m in 1usize..90, k in 1usize..300, n in prop_oneof![1usize..150, 4090usize..4200], turned in any::<[bool; 2]>(),
        cut in 0usize..5,
    ) {
        let a = if turned[0] { random([k, m]).transpose() } else { random([m, k + cut]).narrow(1, cut, k) };
        let b = if turned[1] { random([n, k]).transpose() } else { random([k, n + cut]).narrow(1, cut, n) };
        let ours = values(product_of(a.clone(), b.clone(), false, Factors::Float32));
        near(&ours, &values(a.clone().matmul(b.clone())), 1e-5)?;
        for threads in [1, 3] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
            prop_assert!(ours == pool.install(|| values(product_of(a.clone(), b.clone(), false, Factors::Float32))));
        }
        // A row does not change with its neighbours.
        let alone = values(product_of(a.narrow(0, m - 1, 1), b, false, Factors::Float32));
        near(&alone, &ours[(m - 1) * n..], 1e-6)?;
    }

    #[test]
    fn a_packed_matrix_is_multiplied_as_it_is(
        m in 1usize..20, k in 1usize..70, n in 1usize..70, turned in any::<bool>(), rounded in any::<bool>(),
        packing in prop_oneof![Just(Packing::F32), Just(Packing::F16), Just(Packing::Bf16), Just(Packing::Q8)],
    ) {
        if rounded && skipped() {
            return Ok(());
        }
        let shape = if turned { [n, k] } else { [k, n] };
        let packed = Arc::new(Packed::new(packing, &values(random(shape))));
        let plain = matrix(packed.values(), shape[0], shape[1], &Device::flex());
        let (held_b, b) = match (Held::new(Arc::clone(&packed), shape), turned) {
            (b, true) => (b.turned(), plain.transpose()),
            (b, false) => (b, plain),
        };
        let a = random([m, k]);
        // Rounded by place, a weight of a part is another than that of the whole: not where none is rounded.
        let exact = !rounded || packing == Packing::Bf16;
        let (factors, by) = (if rounded { ROUNDED } else { Factors::Float32 }, if exact { 1e-5 } else { 3e-2 });
        let pull = random([m, n]);
        let run = |f: &dyn Fn(Tensor<2>) -> Tensor<2>| {
            let x = a.clone().autodiff().require_grad();
            let y = f(x.clone());
            let mut tape = (y.clone() * pull.clone()).sum().backward();
            (values(y.detach()), values(x.grad_remove(&mut tape).expect("a gradient")))
        };
        let ours = run(&|x| held(x, &held_b, factors));
        let right = run(&|x| product_of(x, b.clone(), false, factors));
        near(&ours.0, &right.0, by)?;
        near(&ours.1, &right.1, by)?;
        prop_assert_eq!(&values(held(a.clone(), &held_b, factors)), &ours.0);
        let few = <Dispatch as Fused>::few_held(a.clone().into_dispatch(), held_b.clone());
        near(&values(Tensor::<2>::from_dispatch(few)), &values(a.matmul(b)), 1e-5)?;
    }
}
