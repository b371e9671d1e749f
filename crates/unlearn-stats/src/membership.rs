//! Membership scores that shadow models calibrate item by item: LiRA and RMIA. Higher is more likely a member.
//!
//! A shadow model was trained like the subject, on other data: with the item ("inside") or without it ("outside"). For
//! U-LiRA "inside" are unlearned shadow models and "outside" retrained ones.

use crate::normal::{Gaussian, squared_deviations};

/// The logit ln(p / (1 - p)) of a probability given by its logarithm, in nats: the scale on which the confidence of
/// models is closest to normal.
///
/// Infinite at p = 0 and p = 1. `None` where the logarithm is above 0 or not a number.
///
/// # Source
/// Carlini et al., "Membership inference attacks from first principles", arXiv 2112.03570.
///
/// # Examples
/// ```
/// let logit = unlearn_stats::membership::logit(0.75_f64.ln()).unwrap();
/// assert!((logit - 3.0_f64.ln()).abs() < 1e-15);
/// ```
pub fn logit(log_probability: f64) -> Option<f64> {
    (log_probability <= 0.0).then(|| log_probability - (-log_probability.exp_m1()).ln())
}

/// One deviation for many items, where there are too few shadow models for one each: the root of the mean squared
/// distance of every value to the mean of its own item.
///
/// `None` without values, where an item has none, and where the result is 0 or not finite.
pub fn pooled_deviation(items: &[&[f64]]) -> Option<f64> {
    let squares = items.iter().map(|values| squared_deviations(values)).sum::<Option<f64>>()?;
    let count: usize = items.iter().map(|values| values.len()).sum();
    let deviation = (squares / count as f64).sqrt();
    (deviation > 0.0 && deviation.is_finite()).then_some(deviation)
}

/// The online LiRA score of one item: ln N(observed; inside) - ln N(observed; outside), in nats.
///
/// Fit the two with [`Gaussian::fit`] on the [`logit`]s of the shadow models, or give both the [`pooled_deviation`].
/// Above 0 the item looks more like a member. With equal deviations σ and means d apart, its AUC over items is
/// Φ(d / (σ√2)).
///
/// # Source
/// Carlini et al., arXiv 2112.03570, algorithm 1; for unlearning, Hayes et al., arXiv 2403.01218 (U-LiRA).
pub fn lira_online(observed: f64, inside: &Gaussian, outside: &Gaussian) -> f64 {
    inside.ln_density(observed) - outside.ln_density(observed)
}

/// The offline LiRA score of one item, from shadow models without it alone: how many deviations the observed value lies
/// above theirs.
///
/// The paper's score Λ = 1 - P(Z > observed) is [`normal::cdf`](crate::normal::cdf) of this; both rank alike, but Λ
/// rounds to 1 above 8 deviations.
///
/// # Source
/// Carlini et al., arXiv 2112.03570, section VI-B.
pub fn lira_offline(observed: f64, outside: &Gaussian) -> f64 {
    outside.standardise(observed)
}

/// The likelihood ratio of one item for [`rmia_score`]: P(x | subject) / P(x), where P(x) is estimated from shadow
/// models without the item as ½ ((1 + a) · mean outside + 1 - a).
///
/// `a` in [0, 1] says how well the outside models stand for all models (1: entirely). Probabilities are those of the
/// item, in [0, 1]. `None` where one is outside that range, without outside models, and where P(x) is 0.
///
/// # Source
/// Zarifzadeh et al., "Low-cost high-power membership inference attacks", arXiv 2312.03262, offline.
///
/// # Examples
/// ```
/// use unlearn_stats::membership::rmia_ratio;
/// assert_eq!(rmia_ratio(0.8, &[0.5, 0.3], 1.0), Some(2.0));
/// assert_eq!(rmia_ratio(0.75, &[0.5], 0.0), Some(1.0));
/// ```
pub fn rmia_ratio(probability: f64, outside: &[f64], a: f64) -> Option<f64> {
    let shares = 0.0..=1.0;
    if outside.is_empty() || !outside.iter().chain([&probability, &a]).all(|share| shares.contains(share)) {
        return None;
    }
    let mean = outside.iter().sum::<f64>() / outside.len() as f64;
    let prior = 0.5 * ((1.0 + a) * mean + (1.0 - a));
    (prior > 0.0).then(|| probability / prior)
}

/// The RMIA score of one item: the share of the population's ratios that its own exceeds by more than the factor
/// `gamma`, in [0, 1].
///
/// With `gamma` 1 (the paper's code) the score of an item that is itself one of the population is uniform. `None`
/// without a population, and where a ratio or `gamma` is negative or not a number.
///
/// # Source
/// Zarifzadeh et al., arXiv 2312.03262: P_z(ratio_x / ratio_z > γ).
///
/// # Examples
/// ```
/// assert_eq!(unlearn_stats::membership::rmia_score(1.5, &[0.5, 1.0, 2.0, 4.0], 1.0), Some(0.5));
/// ```
pub fn rmia_score(ratio: f64, population: &[f64], gamma: f64) -> Option<f64> {
    if population.is_empty() || !population.iter().chain([&ratio, &gamma]).all(|number| *number >= 0.0) {
        return None;
    }
    let beaten = population.iter().filter(|other| ratio > gamma * **other).count();
    Some(beaten as f64 / population.len() as f64)
}
