//! The bootstrap interval of samples whose interval is known.

#![allow(clippy::unwrap_used)]

use unlearn_stats::bootstrap::mean_interval;

#[test]
fn no_interval_without_spread_or_with_values_that_are_not_numbers() {
    for values in [&[][..], &[1.0], &[1.0, f64::NAN], &[f64::INFINITY, 1.0, 2.0]] {
        assert_eq!(mean_interval(values, 0), None, "{values:?}");
    }
}

/// For many values the interval is the normal one: the mean and 1.96 standard errors to either side.
#[test]
fn interval_of_many_values_is_the_normal_interval() {
    let count = 400;
    let values: Vec<f64> = (0..count).map(|index| (f64::from(index) + 0.5) / f64::from(count)).collect();
    let half_width = 1.96 * (1.0_f64 / 12.0 / f64::from(count)).sqrt();
    let [lower, upper] = mean_interval(&values, 1).unwrap();
    assert!((lower - (0.5 - half_width)).abs() < 0.15 * half_width, "{lower}");
    assert!((upper - (0.5 + half_width)).abs() < 0.15 * half_width, "{upper}");
}

/// A resample of two values is one of them twice with probability one half.
#[test]
fn interval_of_two_values_reaches_both() {
    assert_eq!(mean_interval(&[0.0, 1.0], 7), Some([0.0, 1.0]));
}

#[test]
fn another_seed_gives_another_interval() {
    let values: Vec<f64> = (0..50).map(|index| f64::from(index).sqrt()).collect();
    assert_ne!(mean_interval(&values, 0), mean_interval(&values, 1));
}
