//! Student's t distribution as scipy has it, and what its interval promises.

#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use serde::Deserialize;
use unlearn_stats::student::{Spread, cdf, chance_of_difference, chance_of_mean, quantile};

#[derive(Deserialize)]
struct Made {
    student: Vec<Case>,
    t_test: Vec<TTest>,
}

#[derive(Deserialize)]
struct TTest {
    a: Vec<f64>,
    b: Vec<f64>,
    difference: f64,
    mean: f64,
}

#[derive(Deserialize)]
struct Case {
    freedom: f64,
    cdf: Vec<[f64; 2]>,
    quantiles: Vec<[f64; 2]>,
}

fn assert_close(ours: f64, theirs: f64) {
    assert!((ours - theirs).abs() <= 1e-11 * theirs.abs().max(1e-3), "{ours} instead of {theirs}");
}

fn made() -> Made {
    serde_json::from_str(include_str!("../../../testdata/statistics/statistics.json")).unwrap()
}

#[test]
fn tests_agree_with_scipy() {
    for case in made().t_test {
        assert_close(chance_of_difference(&case.a, &case.b).unwrap(), case.difference);
        assert_close(chance_of_mean(&[case.a, case.b].concat()).unwrap(), case.mean);
    }
}

#[test]
fn a_test_needs_something_that_scatters() {
    for [a, b] in
        [[&[][..], &[1.0, 2.0]], [&[1.0], &[2.0]], [&[1.0, 1.0], &[2.0, 2.0]], [&[1.0, f64::NAN], &[2.0, 3.0]]]
    {
        assert_eq!(chance_of_difference(a, b), None);
    }
    for values in [&[][..], &[1.0], &[2.0, 2.0]] {
        assert_eq!(chance_of_mean(values), None);
    }
}

#[test]
fn the_distribution_agrees_with_scipy() {
    for case in made().student {
        case.cdf.iter().for_each(|[t, p]| assert_close(cdf(*t, case.freedom).unwrap(), *p));
        case.quantiles.iter().for_each(|[p, t]| assert_close(quantile(*p, case.freedom).unwrap(), *t));
    }
}

/// By hand: the mean of 2, 4 and 9 is 5, the squares of what is left are 9, 1 and 16, and t with two degrees of freedom
/// is 4.302652729749464.
#[test]
fn mean_deviation_and_interval_of_three_values() {
    let spread = Spread::of(&[2.0, 4.0, 9.0], 0.95).unwrap();
    assert_close(spread.mean, 5.0);
    assert_close(spread.deviation, 13.0_f64.sqrt());
    let half = 4.302_652_729_749_464 * (13.0_f64 / 3.0).sqrt();
    assert_close(spread.interval[0], 5.0 - half);
    assert_close(spread.interval[1], 5.0 + half);
}

#[test]
fn nothing_is_said_where_nothing_can_be() {
    for values in [&[][..], &[1.0], &[1.0, f64::NAN]] {
        assert_eq!(Spread::of(values, 0.95), None);
    }
    assert_eq!(
        (Spread::of(&[1.0, 2.0], 1.0), quantile(0.0, 3.0), quantile(0.5, 0.0), cdf(f64::NAN, 1.0)),
        (None, None, None, None)
    );
    let same = Spread::of(&[0.5; 4], 0.95).unwrap();
    assert_eq!((same.deviation, same.interval), (0.0, [0.5, 0.5]));
}

/// Beside the middle, a quantile is all cancellation unless both shares are kept.
#[test]
fn quantiles_beside_the_middle_are_exact() {
    for freedom in [1.0, 8.0, 169.863_860_587_303_9] {
        let t = quantile(0.500_008_635_725_094_2, freedom).unwrap();
        assert!((cdf(t, freedom).unwrap() - 0.500_008_635_725_094_2).abs() < 1e-15);
        assert!((quantile(1.0 - 0.500_008_635_725_094_2, freedom).unwrap() + t).abs() < 1e-14);
    }
}

proptest! {
    #[test]
    fn quantiles_turn_the_distribution_around(p in 0.001..0.999_f64, freedom in 1.0..200.0_f64) {
        let t = quantile(p, freedom).unwrap();
        prop_assert!((cdf(t, freedom).unwrap() - p).abs() < 1e-12);
        prop_assert!((quantile(1.0 - p, freedom).unwrap() + t).abs() <= 1e-9 * t.abs().max(1.0));
    }

    #[test]
    fn scaling_and_shifting_carries_over(values in prop::collection::vec(-5.0..5.0_f64, 2..9), scale in 0.1..9.0_f64, shift in -9.0..9.0_f64) {
        let [one, other] = [values.clone(), values.iter().map(|x| shift + scale * x).collect()].map(|v| Spread::of(&v, 0.9).unwrap());
        prop_assert!((other.mean - shift - scale * one.mean).abs() < 1e-9);
        prop_assert!((other.deviation - scale * one.deviation).abs() < 1e-9);
        prop_assert!((other.interval[1] - shift - scale * one.interval[1]).abs() < 1e-7 * (1.0 + one.interval[1].abs()));
    }
}
