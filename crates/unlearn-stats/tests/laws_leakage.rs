//! What holds of every leakage and membership score.

#![allow(clippy::unwrap_used)]

use proptest::collection::vec;
use proptest::prelude::*;
use unlearn_stats::membership::{lira_offline, lira_online, logit, pooled_deviation, rmia_ratio, rmia_score};
use unlearn_stats::normal::{Gaussian, cdf};
use unlearn_stats::sampling::{
    discovery_probability, distribution_band, dkw_margin, exceedance_bound, expected_maximum, leak_at_k, leakage_bound,
    mean_bounds, samples_to_discover,
};

fn scores() -> impl Strategy<Value = Vec<f64>> {
    vec((0_u8..=8).prop_map(|eighths| f64::from(eighths) / 8.0), 1..9)
}

/// The mean of the largest over all choices of `k`, by trying every one.
fn mean_of_maxima(scores: &[f64], k: usize) -> f64 {
    let choices = (0_u32..1 << scores.len()).filter(|choice| choice.count_ones() as usize == k);
    let maxima: Vec<f64> = choices
        .map(|choice| {
            let chosen = scores.iter().enumerate().filter(|(index, _)| choice >> index & 1 == 1);
            chosen.map(|(_, score)| *score).fold(f64::NEG_INFINITY, f64::max)
        })
        .collect();
    maxima.iter().sum::<f64>() / maxima.len() as f64
}

proptest! {
    #[test]
    fn the_expected_maximum_is_the_mean_over_choices(scores in scores()) {
        for k in 1..=scores.len() {
            prop_assert!((expected_maximum(&scores, k).unwrap() - mean_of_maxima(&scores, k)).abs() < 1e-12);
        }
        prop_assert_eq!(expected_maximum(&scores, scores.len()), scores.iter().copied().reduce(f64::max));
    }

    #[test]
    fn leak_at_k_is_the_maximum_of_zeros_and_ones(leaks in 0_u64..9, tight in 0_u64..9) {
        let samples = leaks + tight;
        let scores: Vec<f64> = (0..samples).map(|index| if index < leaks { 1.0 } else { 0.0 }).collect();
        let mut before = 0.0;
        for k in 1..=samples {
            let found = leak_at_k(leaks, samples, k).unwrap();
            prop_assert!((found - expected_maximum(&scores, k as usize).unwrap()).abs() < 1e-12);
            prop_assert!(before <= found + 1e-12);
            before = found;
        }
        if samples > 0 {
            prop_assert!((leak_at_k(leaks, samples, 1).unwrap() - leaks as f64 / samples as f64).abs() < 1e-15);
            prop_assert_eq!(leak_at_k(leaks, samples, samples), Some(if leaks > 0 { 1.0 } else { 0.0 }));
        }
    }

    #[test]
    fn bounds_surround_what_was_seen(scores in vec(0.0..=1.0, 1..60), threshold in 0.0..1.0, confidence in 0.5..0.999) {
        let mean = scores.iter().sum::<f64>() / scores.len() as f64;
        let [lower, upper] = mean_bounds(&scores, confidence).unwrap();
        prop_assert!(0.0 <= lower && lower <= mean + 1e-12 && mean <= upper + 1e-12 && upper <= 1.0);
        let margin = dkw_margin(scores.len(), confidence).unwrap();
        prop_assert!(upper - mean <= margin + 1e-12 && mean - lower <= margin + 1e-12);
        let above = scores.iter().filter(|score| **score > threshold).count() as f64 / scores.len() as f64;
        prop_assert!(exceedance_bound(&scores, threshold, confidence).unwrap() >= above);
        let band = distribution_band(&scores, confidence).unwrap();
        prop_assert!(band.windows(2).all(|steps| steps[0].score < steps[1].score && steps[0].upper <= steps[1].upper));
        prop_assert!(band.last().unwrap().upper == 1.0);
    }

    #[test]
    fn discovery_is_one_minus_missing_it_every_time(probability in 0.001..0.999_f64, samples in 0_u64..200) {
        let found = discovery_probability(probability.ln(), samples).unwrap();
        prop_assert!((found - (1.0 - (1.0 - probability).powi(samples as i32))).abs() < 1e-12);
    }

    #[test]
    fn the_fewest_samples_are_enough_and_one_less_is_not(log in -20.0..-0.01, goal in 0.01..0.99) {
        let samples = samples_to_discover(log, goal).unwrap() as u64;
        prop_assert!(discovery_probability(log, samples).unwrap() >= goal - 1e-12);
        prop_assert!(samples == 1 || discovery_probability(log, samples - 1).unwrap() <= goal + 1e-12);
    }

    #[test]
    fn lira_is_zero_between_and_rises_towards_members(low in -3.0..3.0, gap in 0.1..3.0, deviation in 0.2..3.0) {
        let [outside, inside] = [low, low + gap].map(|mean| Gaussian { mean, deviation });
        prop_assert!(lira_online(low + gap / 2.0, &inside, &outside).abs() < 1e-9);
        prop_assert!(lira_online(low, &inside, &outside) < lira_online(low + 0.1, &inside, &outside));
        prop_assert_eq!(lira_offline(low, &outside), 0.0);
        prop_assert!((cdf(lira_offline(low + deviation, &outside)) - cdf(1.0)).abs() < 1e-9);
    }

    #[test]
    fn rmia_counts_whom_it_beats(ratio in 0.0..4.0, population in vec(0.0..4.0, 1..40), gamma in 0.5..4.0) {
        let score = rmia_score(ratio, &population, gamma).unwrap();
        prop_assert!((0.0..=1.0).contains(&score));
        prop_assert!(rmia_score(ratio + 0.5, &population, gamma).unwrap() >= score);
        prop_assert!(rmia_score(ratio, &population, gamma + 0.5).unwrap() <= score);
    }

    #[test]
    fn a_probability_equal_to_those_outside_says_nothing(probability in 0.01..1.0, models in 1_usize..5) {
        let ratio = rmia_ratio(probability, &vec![probability; models], 1.0).unwrap();
        prop_assert!((ratio - 1.0).abs() < 1e-12);
    }

    #[test]
    fn pooling_one_item_is_fitting_it(values in vec(-3.0..3.0, 2..20)) {
        let fitted = Gaussian::fit(&values).map(|fit| fit.deviation);
        prop_assert_eq!(pooled_deviation(&[&values]), fitted);
    }

    #[test]
    fn logits_keep_order_and_symmetry(log in -700.0..-1e-9) {
        let probability: f64 = f64::exp(log);
        let mirrored = logit((-probability).ln_1p()).unwrap();
        prop_assert!((logit(log).unwrap() + mirrored).abs() <= 1e-6 * mirrored.abs().max(1.0) || probability < 1e-15);
    }
}

/// Far below the spacing of numbers near 1, where 1 - (1 - p)ⁿ would be 0.
#[test]
fn rare_texts_are_discovered_too() {
    let found = discovery_probability(-60.0, 1000).unwrap();
    assert!((found / (1000.0 * (-60.0_f64).exp()) - 1.0).abs() < 1e-12);
    assert_eq!(discovery_probability(0.0, 1), Some(1.0));
    assert_eq!(discovery_probability(0.0, 0), Some(0.0));
    assert_eq!(samples_to_discover(f64::NEG_INFINITY, 0.5), Some(f64::INFINITY));
    assert_eq!(samples_to_discover(0.0, 0.5), Some(1.0));
}

#[test]
fn nothing_is_said_where_nothing_can_be() {
    assert_eq!(leak_at_k(1, 4, 0), None);
    assert_eq!(leak_at_k(1, 4, 5), None);
    assert_eq!(leak_at_k(5, 4, 1), None);
    assert_eq!(expected_maximum(&[], 1), None);
    assert_eq!(expected_maximum(&[f64::NAN], 1), None);
    assert_eq!(leakage_bound(1, 0, 0.95), None);
    assert_eq!(dkw_margin(0, 0.95), None);
    assert_eq!(dkw_margin(5, 0.4), None);
    assert_eq!(mean_bounds(&[1.5], 0.95), None);
    assert_eq!(exceedance_bound(&[0.5], f64::NAN, 0.95), None);
    assert_eq!(distribution_band(&[], 0.95), None);
    assert_eq!(discovery_probability(0.1, 3), None);
    assert_eq!(samples_to_discover(-1.0, 1.0), None);
    assert_eq!(Gaussian::fit(&[1.0, 1.0]), None);
    assert_eq!(Gaussian::fit(&[1.0]), None);
    assert_eq!(pooled_deviation(&[]), None);
    assert_eq!(pooled_deviation(&[&[]]), None);
    assert_eq!(rmia_ratio(0.5, &[], 1.0), None);
    assert_eq!(rmia_ratio(0.5, &[0.0], 1.0), None);
    assert_eq!(rmia_ratio(1.5, &[0.5], 1.0), None);
    assert_eq!(rmia_score(1.0, &[], 1.0), None);
    assert_eq!(rmia_score(f64::NAN, &[1.0], 1.0), None);
    assert_eq!(logit(0.5), None);
}
