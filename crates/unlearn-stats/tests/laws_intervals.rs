//! What holds of every interval and every test.

#![allow(clippy::unwrap_used)]

use proptest::collection::vec;
use proptest::prelude::*;
use unlearn_stats::binomial::{clopper_pearson, holm, lower_bound, mcnemar_exact, upper_bound};
use unlearn_stats::bootstrap::{Bootstrap, cluster_mean_interval, mean, mean_interval};
use unlearn_stats::clusters::{alone, by_cluster};
use unlearn_stats::permutation::{Alternative, Permutation};

fn clusters(most: usize) -> impl Strategy<Value = Vec<Vec<f64>>> {
    vec(vec(-2.0..2.0, 1..4), 1..most)
}

fn test(alternative: Alternative) -> Permutation {
    Permutation { alternative, draws: 200, seed: 3 }
}

/// P(X ≤ k) for Binomial(n, p), by Pascal's triangle.
fn lower_tail(k: u64, n: u64, p: f64) -> f64 {
    let mut masses = vec![1.0];
    for _ in 0..n {
        let mut next = vec![0.0; masses.len() + 1];
        for (successes, mass) in masses.iter().enumerate() {
            next[successes] += mass * (1.0 - p);
            next[successes + 1] += mass * p;
        }
        masses = next;
    }
    masses[..=k as usize].iter().sum()
}

proptest! {
    #[test]
    fn clusters_of_one_are_values(values in vec(-1e3..1e3, 2..40), seed: u64) {
        let bootstrap = Bootstrap::seeded(seed);
        prop_assert_eq!(bootstrap.cluster_interval(&alone(&values), mean), bootstrap.interval(&values, mean));
        prop_assert_eq!(cluster_mean_interval(&alone(&values), seed), mean_interval(&values, seed));
        let (a, b) = values.split_at(values.len() / 2);
        let apart = |a: &[f64], b: &[f64]| Some(mean(a)? - mean(b)?);
        let by_cluster = bootstrap.two_sample_cluster_interval(&alone(a), &alone(b), apart);
        prop_assert_eq!(by_cluster, bootstrap.two_sample_interval(a, b, apart));
    }

    #[test]
    fn pairs_are_drawn_together(pairs in vec((-4.0..4.0, -4.0..4.0), 2..40), seed: u64) {
        let (a, b): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
        let differences: Vec<f64> = pairs.iter().map(|(a, b)| a - b).collect();
        let [lower, upper] = Bootstrap::seeded(seed).paired_difference_interval(&a, &b).unwrap();
        let expected = mean_interval(&differences, seed).unwrap();
        prop_assert!((lower - expected[0]).abs() < 1e-12 && (upper - expected[1]).abs() < 1e-12);
        prop_assert_eq!(Bootstrap::seeded(seed).paired_difference_interval(&a, &a), Some([0.0, 0.0]));
    }

    #[test]
    fn difference_of_constants_is_known(a in -3.0..3.0_f64, b in -3.0..3.0_f64, seed: u64) {
        let [lower, upper] = Bootstrap::seeded(seed).difference_interval(&[a; 4], &[b; 8]).unwrap();
        prop_assert!((lower - (a - b)).abs() < 1e-12 && (upper - (a - b)).abs() < 1e-12);
    }

    #[test]
    fn wider_levels_give_wider_intervals(values in vec(-4.0..4.0, 2..40), seed: u64) {
        let narrow = Bootstrap { levels: [0.25, 0.75], ..Bootstrap::seeded(seed) }.interval(&values, mean).unwrap();
        let wide = Bootstrap::seeded(seed).interval(&values, mean).unwrap();
        prop_assert!(wide[0] <= narrow[0] && narrow[0] <= narrow[1] && narrow[1] <= wide[1]);
    }

    #[test]
    fn swapping_the_samples_turns_the_test_around(a in clusters(7), b in clusters(7)) {
        let greater = test(Alternative::Greater).difference_of_means(&a, &b).unwrap();
        let less = test(Alternative::Less).difference_of_means(&b, &a).unwrap();
        prop_assert!(greater.exact && greater.p_value == less.p_value && greater.statistic == -less.statistic);
        prop_assert!(greater.p_value > 0.0 && greater.p_value <= 1.0);
        let opposite = test(Alternative::Less).difference_of_means(&a, &b).unwrap();
        prop_assert!(greater.p_value + opposite.p_value >= 1.0 - 1e-12);
    }

    #[test]
    fn flipping_every_sign_turns_the_test_around(differences in clusters(9)) {
        let flipped: Vec<Vec<f64>> = differences.iter().map(|values| values.iter().map(|x| -x).collect()).collect();
        let greater = test(Alternative::Greater).mean_of_differences(&differences).unwrap();
        let less = test(Alternative::Less).mean_of_differences(&flipped).unwrap();
        prop_assert_eq!(greater.p_value, less.p_value);
        let two_sided = test(Alternative::TwoSided).mean_of_differences(&differences).unwrap();
        prop_assert!((two_sided.p_value - 2.0 * greater.p_value.min(
            test(Alternative::Less).mean_of_differences(&differences).unwrap().p_value)).abs() < 1e-12
            || two_sided.p_value == 1.0);
    }

    #[test]
    fn equal_values_are_no_evidence(value in -3.0..3.0, a in 1_usize..30, b in 1_usize..30) {
        let tested = test(Alternative::TwoSided).difference_of_means(&alone(&vec![value; a]), &alone(&vec![value; b]));
        prop_assert_eq!(tested.unwrap().p_value, 1.0);
    }

    #[test]
    fn bounds_have_the_probability_that_they_promise(
        (trials, successes) in (1_u64..60).prop_flat_map(|trials| (Just(trials), 0..=trials)), level in 0.5..0.999,
    ) {
        let upper = upper_bound(successes, trials, level).unwrap();
        if successes < trials {
            prop_assert!((lower_tail(successes, trials, upper) - (1.0 - level)).abs() < 1e-9);
        }
        prop_assert!((lower_bound(trials - successes, trials, level).unwrap() - (1.0 - upper)).abs() < 1e-12);
        let [low, high] = clopper_pearson(successes, trials, level).unwrap();
        let share = successes as f64 / trials as f64;
        prop_assert!(0.0 <= low && low <= share && share <= high && high <= 1.0);
    }

    #[test]
    fn more_successes_raise_the_bound(trials in 2_u64..200, level in 0.5..0.999) {
        let bounds: Vec<f64> = (0..=trials).map(|successes| upper_bound(successes, trials, level).unwrap()).collect();
        prop_assert!(bounds.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn mcnemar_is_symmetric(b in 0_u64..50, c in 0_u64..50) {
        let p_value = mcnemar_exact(b, c);
        prop_assert_eq!(mcnemar_exact(c, b), p_value);
        let expected = (2.0 * lower_tail(b.min(c), b + c, 0.5)).min(1.0);
        prop_assert!((p_value - expected).abs() < 1e-12);
    }

    #[test]
    fn holm_adjusts_upwards_and_keeps_order(p_values in vec(0.0..=1.0, 1..20)) {
        let adjusted = holm(&p_values).unwrap();
        for (index, p_value) in p_values.iter().enumerate() {
            prop_assert!(*p_value <= adjusted[index] && adjusted[index] <= 1.0);
            for (other, other_p) in p_values.iter().enumerate() {
                prop_assert!(p_value > other_p || adjusted[index] <= adjusted[other]);
            }
        }
        let smallest = p_values.iter().copied().fold(1.0, f64::min);
        let expected = (smallest * p_values.len() as f64).min(1.0);
        prop_assert_eq!(adjusted.iter().copied().fold(1.0, f64::min), expected);
    }

    #[test]
    fn grouping_loses_nothing(labelled in vec((-2.0..2.0, 0_u8..5), 0..40)) {
        let (values, labels): (Vec<f64>, Vec<u8>) = labelled.into_iter().unzip();
        let groups = by_cluster(&values, &labels).unwrap();
        let (mut all, mut values) = (groups.concat(), values);
        all.sort_by(f64::total_cmp);
        values.sort_by(f64::total_cmp);
        prop_assert_eq!(all, values);
        prop_assert!(groups.iter().all(|group| !group.is_empty()));
    }
}

/// 17 values are few enough to try all 24310 arrangements here, and too many for the test to.
#[test]
fn drawn_arrangements_agree_with_all() {
    let a: Vec<f64> = (0..9).map(|i| f64::from(i * i % 7) + 1.0).collect();
    let b: Vec<f64> = (0..8).map(|i| f64::from(i * i % 5)).collect();
    let tested = Permutation::seeded(1).difference_of_means(&alone(&a), &alone(&b)).unwrap();
    assert!(!tested.exact);
    let values = [&a[..], &b[..]].concat();
    let total: f64 = values.iter().sum();
    let differences: Vec<f64> = (0_u32..1 << 17)
        .filter(|choice| choice.count_ones() == 9)
        .map(|choice| {
            let sum: f64 = (0..17).filter(|index| choice >> index & 1 == 1).map(|index| values[index]).sum();
            sum / 9.0 - (total - sum) / 8.0
        })
        .collect();
    let reaching = differences.iter().filter(|difference| difference.abs() >= tested.statistic.abs() - 1e-9).count();
    let expected = reaching as f64 / differences.len() as f64;
    assert!((tested.p_value - expected).abs() < 0.015, "{} for {expected}", tested.p_value);
}

#[test]
fn drawn_p_values_are_never_zero() {
    let (low, high) = (alone(&[0.0; 30]), alone(&[1.0; 30]));
    let tested = Permutation { draws: 99, ..Permutation::seeded(0) }.difference_of_means(&high, &low).unwrap();
    assert_eq!((tested.p_value, tested.exact), (0.01, false));
    let flipped = Permutation { draws: 99, ..Permutation::seeded(0) }.mean_of_differences(&high).unwrap();
    assert_eq!((flipped.p_value, flipped.exact), (0.01, false));
}

#[test]
fn nothing_is_said_where_nothing_can_be() {
    let bootstrap = Bootstrap::seeded(0);
    assert_eq!(bootstrap.interval(&[1.0], mean), None);
    assert_eq!(bootstrap.interval(&[1.0, 2.0], |_| None), None);
    assert_eq!(bootstrap.interval(&[1.0, 2.0], |_| Some(f64::NAN)), None);
    assert_eq!(Bootstrap { resamples: 0, ..bootstrap }.interval(&[1.0, 2.0], mean), None);
    assert_eq!(Bootstrap { levels: [0.9, 0.1], ..bootstrap }.interval(&[1.0, 2.0], mean), None);
    assert_eq!(bootstrap.paired_difference_interval(&[1.0, 2.0], &[1.0]), None);
    assert_eq!(bootstrap.cluster_interval(&[vec![1.0, 2.0]], mean), None);
    let two = [vec![1.0], vec![2.0]];
    assert_eq!(bootstrap.two_sample_cluster_interval(&two, &[vec![1.0, 2.0]], |a, _| mean(a)), None);
    assert_eq!(Permutation::seeded(0).difference_of_means(&[], &alone(&[1.0])), None);
    assert_eq!(Permutation::seeded(0).mean_of_differences(&[vec![f64::NAN]]), None);
    assert_eq!(by_cluster(&[1.0], &[1, 2]), None);
    assert_eq!(clopper_pearson(0, 0, 0.95), None);
    assert_eq!(clopper_pearson(2, 1, 0.95), None);
    assert_eq!(lower_bound(2, 1, 0.95), None);
    assert_eq!(upper_bound(0, 1, 1.0), None);
    assert_eq!(holm(&[0.5, f64::NAN]), None);
}
