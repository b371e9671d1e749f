//! Against float64 on rounded factors, on random shapes and steps.

use burn::tensor::{Device, Distribution, Tensor};
use proptest::prelude::*;

use super::super::rounded_product;
use super::pack::{dithered, rounded};
use super::there;
use crate::tensor::{matrix, values};

fn random(shape: [usize; 2]) -> Tensor<2> {
    Tensor::random(shape, Distribution::Normal(0.0, 1.0), &Device::flex())
}

fn bfloat16(x: f32) -> f64 {
    f64::from(half::bf16::from_f32(x))
}

/// As weights are rounded that lie in memory as given.
fn as_weights(w: &[f32]) -> Vec<f32> {
    w.iter().enumerate().map(|(i, &x)| f32::from_bits(dithered(x, i) << 16)).collect()
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
            assert!(f32::from_bits(rounded(x) << 16).is_nan(), "{bits:x}");
        } else {
            assert_eq!(rounded(x), u32::from(half::bf16::from_f32(x).to_bits()), "{x}");
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
        let ours = values(rounded_product(a.clone(), b.clone()));
        check(&ours, &a, &right)?;
        // In one order at any number of threads.
        for threads in [1, 3] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
            prop_assert!(ours == pool.install(|| values(rounded_product(a.clone(), b.clone()))));
        }
    }

    #[test]
    fn gradients_are_products_too(m in 1usize..60, k in 1usize..60, n in 1usize..60) {
        if skipped() {
            return Ok(());
        }
        let (a, b, pull) = (random([m, k]), random([k, n]), random([m, n]));
        let [x, y] = [&a, &b].map(|t| t.clone().autodiff().require_grad());
        let mut tape = (rounded_product(x.clone(), y.clone()) * pull.clone()).sum().backward();
        let [by_a, by_b] = [x, y].map(|leaf| values(leaf.grad_remove(&mut tape).expect("a gradient")));
        let right = matrix(as_weights(&values(b.clone())), k, n, &Device::flex());
        check(&by_a, &pull, &right.transpose())?;
        check(&by_b, &a.clone().transpose(), &pull)?;
        // A constant factor gets none, and changes nothing.
        let x = a.clone().autodiff().require_grad();
        let mut tape = (rounded_product(x.clone(), b.clone()) * pull).sum().backward();
        prop_assert_eq!(values(x.grad_remove(&mut tape).expect("a gradient")), by_a);
    }
}
