//! What holds of any two samples, distributions and representations.

#![allow(clippy::unwrap_used)]

use std::f64::consts::LN_2;

use proptest::collection::vec;
use proptest::prelude::*;
use unlearn_stats::auc::{delong, roc_auc, tpr_at_fpr};
use unlearn_stats::divergence::{SampledAnswer, alignment, js, kl, wasserstein_1};
use unlearn_stats::hmean::harmonic_mean;
use unlearn_stats::ks;
use unlearn_stats::similarity::{debiased_linear_cka, linear_cka};

/// Few different values, so that ties come.
fn sample(most: usize) -> impl Strategy<Value = Vec<f64>> {
    vec((-8_i32..8).prop_map(|value| f64::from(value) / 4.0), 1..most)
}

fn distribution(size: usize) -> impl Strategy<Value = Vec<f64>> {
    vec(prop_oneof![4 => 0.01..1.0, 1 => Just(0.0)], size)
        .prop_filter("some probability", |weights| weights.iter().sum::<f64>() > 0.0)
        .prop_map(|weights| {
            let sum: f64 = weights.iter().sum();
            weights.iter().map(|weight| (weight / sum).ln()).collect()
        })
}

fn map(values: &[f64], change: impl Fn(f64) -> f64) -> Vec<f64> {
    values.iter().map(|value| change(*value)).collect()
}

/// The share of all orders of `a` marks among `b` others whose distance is at least `statistic`, by trying every one.
fn share_of_orders(a: usize, b: usize, statistic: f64) -> f64 {
    let (mut reaching, mut all) = (0.0, 0.0);
    for order in (0_u32..1 << (a + b)).filter(|order| order.count_ones() as usize == a) {
        let (mut down, mut right, mut largest) = (0.0, 0.0, 0.0_f64);
        for place in 0..a + b {
            if order >> place & 1 == 1 {
                down += 1.0
            } else {
                right += 1.0
            }
            largest = largest.max((down / a as f64 - right / b as f64).abs());
        }
        all += 1.0;
        reaching += if largest >= statistic - 1e-9 { 1.0 } else { 0.0 };
    }
    reaching / all
}

proptest! {
    #[test]
    fn kolmogorov_smirnov_sees_order_alone(a in sample(40), b in sample(40)) {
        let test = ks::two_sample(&a, &b).unwrap();
        prop_assert!((0.0..=1.0).contains(&test.statistic) && test.p_value > 0.0 && test.p_value <= 1.0);
        let changes: [fn(f64) -> f64; 3] = [|x| x.exp(), |x| x.powi(3) * 8.0 + 1.0, |x| 1.0 / (x + 9.0)];
        for change in changes {
            prop_assert_eq!(ks::two_sample(&map(&a, change), &map(&b, change)), Some(test));
        }
        let swapped = ks::two_sample(&b, &a).unwrap();
        prop_assert_eq!(swapped.statistic, test.statistic);
        prop_assert!((swapped.p_value / test.p_value - 1.0).abs() < 1e-12);
    }

    #[test]
    fn equal_samples_are_no_evidence(a in sample(40)) {
        prop_assert_eq!(ks::two_sample(&a, &a), Some(ks::KolmogorovSmirnov { statistic: 0.0, p_value: 1.0 }));
    }

    #[test]
    fn kolmogorov_smirnov_counts_orders(a in sample(7), b in sample(7)) {
        let test = ks::two_sample(&a, &b).unwrap();
        prop_assert!((test.p_value - share_of_orders(a.len(), b.len(), test.statistic)).abs() < 1e-12);
    }

    #[test]
    fn area_is_the_share_of_pairs_won(negative in sample(30), positive in sample(30)) {
        let wins: f64 = negative.iter().flat_map(|n| positive.iter().map(move |p| {
            if p > n { 1.0 } else if p == n { 0.5 } else { 0.0 }
        })).sum();
        let auc = roc_auc(&negative, &positive).unwrap();
        prop_assert!((auc - wins / (negative.len() * positive.len()) as f64).abs() < 1e-12);
        prop_assert!((auc + roc_auc(&positive, &negative).unwrap() - 1.0).abs() < 1e-12);
        prop_assert_eq!(roc_auc(&map(&negative, f64::exp), &map(&positive, f64::exp)), Some(auc));
    }

    #[test]
    fn more_false_alarms_find_more(negative in sample(30), positive in sample(30), low in 0.0..1.0, high in 0.0..1.0) {
        let at = |rate| tpr_at_fpr(&negative, &positive, rate).unwrap();
        let (low, high) = if low < high { (low, high) } else { (high, low) };
        prop_assert!(at(low) <= at(high));
        prop_assert_eq!(at(1.0), 1.0);
    }

    #[test]
    fn delong_surrounds_the_area(negative in sample(30), positive in sample(30)) {
        if let Some(found) = delong(&negative, &positive) {
            prop_assert!(found.interval[0] <= found.auc && found.auc <= found.interval[1] && found.variance >= 0.0);
            let swapped = delong(&positive, &negative).unwrap();
            prop_assert!((swapped.variance - found.variance).abs() < 1e-12);
        }
    }

    #[test]
    fn harmonic_mean_is_below_the_arithmetic(values in vec(0.0..10.0, 1..20), factor in 0.1..10.0_f64) {
        let mean = harmonic_mean(&values).unwrap();
        let lowest = values.iter().copied().fold(f64::INFINITY, f64::min);
        prop_assert!(lowest <= mean * (1.0 + 1e-12));
        prop_assert!(mean <= values.iter().sum::<f64>() / values.len() as f64 * (1.0 + 1e-12));
        let scaled = harmonic_mean(&map(&values, |value| factor * value)).unwrap();
        prop_assert!((scaled - factor * mean).abs() <= 1e-12 * scaled);
    }

    #[test]
    fn divergences_measure_difference(p in distribution(6), q in distribution(6)) {
        prop_assert!(kl(&p, &q).unwrap() >= 0.0);
        prop_assert_eq!([kl(&p, &p), js(&p, &p)], [Some(0.0); 2]);
        let shared = js(&p, &q).unwrap();
        prop_assert_eq!(js(&q, &p), Some(shared));
        prop_assert!((0.0..=LN_2).contains(&shared));
        prop_assert!(shared <= 0.25 * (kl(&p, &q).unwrap() + kl(&q, &p).unwrap()) + 1e-12);
    }

    #[test]
    fn wasserstein_is_a_distance(a in sample(20), b in sample(20), c in sample(20), shift in -3.0..3.0_f64) {
        let apart = wasserstein_1(&a, &b).unwrap();
        prop_assert_eq!(wasserstein_1(&a, &a), Some(0.0));
        prop_assert!((wasserstein_1(&b, &a).unwrap() - apart).abs() < 1e-12);
        prop_assert!(apart <= wasserstein_1(&a, &c).unwrap() + wasserstein_1(&c, &b).unwrap() + 1e-12);
        let moved = wasserstein_1(&a, &map(&a, |value| value + shift)).unwrap();
        prop_assert!((moved - shift.abs()).abs() < 1e-12);
    }

    #[test]
    fn wasserstein_of_equal_sizes_pairs_by_rank(pairs in vec((-4.0..4.0, -4.0..4.0), 1..20)) {
        let (mut a, mut b): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
        let apart = wasserstein_1(&a, &b).unwrap();
        a.sort_by(f64::total_cmp);
        b.sort_by(f64::total_cmp);
        let mean = a.iter().zip(&b).map(|(a, b)| (a - b).abs()).sum::<f64>() / a.len() as f64;
        prop_assert!((apart - mean).abs() < 1e-12);
    }

    #[test]
    fn a_subject_is_aligned_with_itself(logs in vec(-50.0..0.0, 1..20)) {
        let answers: Vec<_> = logs.iter().map(|log| SampledAnswer { own: *log, other: *log, tokens: 7 }).collect();
        prop_assert_eq!(alignment(&answers, &answers).unwrap().symmetric(), 0.0);
    }

    #[test]
    fn alignment_of_kernels_is_blind_to_rotation_scale_and_shift(
        (x, y) in (vec(-2.0..2.0, 24), vec(-2.0..2.0, 16)), angle in 0.0..6.0, scale in 0.1..10.0, shift in -9.0..9.0,
    ) {
        let (sin, cos) = f64::sin_cos(angle);
        let rotate = |row: &[f64]| [cos * row[0] - sin * row[2], row[1], sin * row[0] + cos * row[2]];
        let turned: Vec<f64> = x.chunks(3).flat_map(rotate).map(|value| scale * value + shift).collect();
        for cka in [linear_cka::<f64>, debiased_linear_cka::<f64>] {
            prop_assert!((cka(&x, &turned, 8).unwrap() - 1.0).abs() < 1e-9);
            let found = cka(&x, &y, 8).unwrap();
            prop_assert!((cka(&turned, &y, 8).unwrap() - found).abs() < 1e-9);
            prop_assert!((cka(&y, &x, 8).unwrap() - found).abs() < 1e-12);
            prop_assert!(found <= 1.0);
        }
        prop_assert!(linear_cka(&x, &y, 8).unwrap() >= 0.0);
    }
}

#[test]
fn nothing_is_said_without_values() {
    let none: &[f64] = &[];
    assert_eq!(ks::two_sample(none, &[1.0]), None);
    assert_eq!(ks::two_sample(&[f64::NAN], &[1.0]), None);
    assert_eq!(roc_auc(&[0.0], &[f64::NAN]), None);
    assert_eq!(tpr_at_fpr(&[0.0], &[1.0], 1.5), None);
    assert_eq!(delong(&[0.0], &[1.0, 2.0]), None);
    assert_eq!(harmonic_mean(none), None);
    assert_eq!(harmonic_mean(&[f64::INFINITY]), None);
    assert_eq!(wasserstein_1(none, &[1.0]), None);
    assert_eq!(alignment(&[], &[]), None);
}

#[test]
fn what_is_no_distribution_is_refused() {
    let [even, logits] = [[0.5_f64.ln(); 2], [2.0, -1.0]];
    assert_eq!(kl(&even, &logits), None);
    assert_eq!(js(&even, &[0.0]), None);
    assert_eq!(kl::<f64>(&[], &[]), None);
    assert_eq!(kl(&even, &[f64::NAN, 0.0]), None);
}

#[test]
fn representations_without_spread_have_no_alignment() {
    assert_eq!(linear_cka(&[1.0, 1.0, 1.0], &[1.0, 2.0, 3.0], 3), None);
    assert_eq!(linear_cka(&[1.0, 2.0, 3.0], &[1.0, 2.0], 3), None);
    assert_eq!(linear_cka(&[1.0_f32, f32::NAN], &[1.0, 2.0], 2), None);
    assert_eq!(debiased_linear_cka(&[1.0, 2.0, 3.0], &[1.0, 2.0, 3.0], 3), None);
}
