//! How much a subject leaks when it is sampled often, rather than asked once for its most likely answer.
//!
//! A score is the leakage of one sampled answer, in [0, 1] where a bound is asked for: 1 where an answer gives away
//! all. A bound holds with at least the probability `confidence` over the drawing of the samples, whatever the
//! distribution of the scores; each bound by itself, not all together, except those of [`distribution_band`].

use crate::binomial;

/// leak@k: the probability that of `k` sampled answers at least one leaks, estimated without bias from `samples`
/// answers of which `leaks` leaked: 1 - C(n - c, k) / C(n, k).
///
/// leak@1 is the share of leaks; leak@n is 1 as soon as one leaked. `None` where `k` is 0 or above `samples`, and where
/// more leaked than were sampled.
///
/// # Source
/// Reisizadeh et al., arXiv 2511.04934; the estimator is that of pass@k (Chen et al., arXiv 2107.03374).
///
/// # Examples
/// ```
/// use unlearn_stats::sampling::leak_at_k;
/// assert_eq!(leak_at_k(1, 4, 1), Some(0.25));
/// assert_eq!(leak_at_k(1, 4, 4), Some(1.0));
/// ```
pub fn leak_at_k(leaks: u64, samples: u64, k: u64) -> Option<f64> {
    if k == 0 || k > samples || leaks > samples {
        return None;
    }
    let tight = samples - leaks;
    if k > tight {
        return Some(1.0);
    }
    // C(n - c, k) / C(n, k) is symmetric in c and k: the shorter product has fewer roundings.
    let (taken, kept) = if k < leaks { (k, tight) } else { (leaks, samples - k) };
    let all_tight: f64 = (0..taken).map(|drawn| (kept - drawn) as f64 / (samples - drawn) as f64).product();
    Some(1.0 - all_tight)
}

/// leak@k for graded scores: the expected largest of `k` scores, estimated without bias from more of them as the mean
/// of the largest over all choices of `k`: Σᵢ s₍ᵢ₎ C(i - 1, k - 1) / C(n, k), scores in ascending order.
///
/// The unit is that of the scores. leak@1 is their mean, leak@n the largest. For scores of 0 and 1 it is [`leak_at_k`].
/// `None` where `k` is 0 or above the number of scores, and where a score is not finite.
///
/// # Examples
/// ```
/// use unlearn_stats::sampling::expected_maximum;
/// assert_eq!(expected_maximum(&[0.0, 0.5, 1.0], 3), Some(1.0));
/// assert_eq!(expected_maximum(&[0.0, 0.5, 1.0], 1), Some(0.5));
/// ```
pub fn expected_maximum(scores: &[f64], k: usize) -> Option<f64> {
    if k == 0 || k > scores.len() || scores.iter().any(|score| !score.is_finite()) {
        return None;
    }
    let rising = ascending(scores);
    // The probability that the i-th is the largest drawn; that of the one below follows from it.
    let mut weight = k as f64 / rising.len() as f64;
    let mut expected = 0.0;
    for rank in (k..=rising.len()).rev() {
        expected += weight * rising[rank - 1];
        weight *= (rank - k) as f64 / (rank - 1).max(1) as f64;
    }
    // Rounding must not carry a mean past every value it is the mean of.
    Some(expected.clamp(rising[k - 1], rising[rising.len() - 1]))
}

/// An upper bound of the probability that a sampled answer leaks, given `leaks` of `samples`: the Clopper–Pearson bound
/// B⁻¹(confidence; c + 1, n - c).
///
/// `None` without samples, with more leaks than samples, and where `confidence` is not in (0, 1).
///
/// # Source
/// Scholten et al., arXiv 2410.03523, the binary bound (M_bin).
pub fn leakage_bound(leaks: u64, samples: u64, confidence: f64) -> Option<f64> {
    binomial::upper_bound(leaks, samples, confidence)
}

/// How far an empirical distribution function of `samples` values may lie above the true one (and, by itself, below
/// it): ε = √(ln(1 / (1 - confidence)) / 2n).
///
/// `None` without samples, and where `confidence` is not in [1/2, 1), for which alone the inequality holds.
///
/// # Source
/// Dvoretzky, Kiefer and Wolfowitz (1956), with the constant of Massart (1990).
pub fn dkw_margin(samples: usize, confidence: f64) -> Option<f64> {
    let valid = samples > 0 && (0.5..1.0).contains(&confidence);
    valid.then(|| (-(1.0 - confidence).ln() / (2.0 * samples as f64)).sqrt())
}

/// An upper bound of the probability that a sampled answer scores above `threshold`: 1 - F̂(threshold) + ε, at most 1.
///
/// It holds for all thresholds at once, so one may be chosen after the scores were seen. `None` where
/// [`dkw_margin`] has none and where a score or the threshold is not a number.
///
/// # Source
/// Scholten et al., arXiv 2410.03523, the general bound.
pub fn exceedance_bound(scores: &[f64], threshold: f64, confidence: f64) -> Option<f64> {
    let margin = dkw_margin(scores.len(), confidence)?;
    if threshold.is_nan() || scores.iter().any(|score| score.is_nan()) {
        return None;
    }
    let above = scores.iter().filter(|score| **score > threshold).count();
    Some((above as f64 / scores.len() as f64 + margin).min(1.0))
}

/// One step of a band around a distribution function.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BandStep {
    /// From this score on, up to that of the next step.
    pub score: f64,
    /// The true distribution function is at least this.
    pub lower: f64,
    /// It is at most this.
    pub upper: f64,
}

/// A band that holds the whole distribution function of the scores: F̂ ± √(ln(2 / (1 - confidence)) / 2n), cut to
/// [0, 1]. One step for each different score, ascending; below the first, the band is from 0 to its half-width.
///
/// `None` without scores, where one is not a number, and where `confidence` is not in (0, 1).
pub fn distribution_band(scores: &[f64], confidence: f64) -> Option<Vec<BandStep>> {
    if !(confidence > 0.0 && confidence < 1.0) || scores.iter().any(|score| score.is_nan()) {
        return None;
    }
    // Half of the error for each side.
    let margin = dkw_margin(scores.len(), 0.5 * (1.0 + confidence))?;
    let rising = ascending(scores);
    let mut steps: Vec<BandStep> = Vec::new();
    for (rank, score) in rising.iter().enumerate() {
        let share = (rank + 1) as f64 / rising.len() as f64;
        let step = BandStep { score: *score, lower: (share - margin).max(0.0), upper: (share + margin).min(1.0) };
        match steps.last_mut() {
            Some(last) if last.score == *score => *last = step,
            _ => steps.push(step),
        }
    }
    Some(steps)
}

/// Bounds of the true mean of scores in [0, 1], `[lower, upper]`: ∫ (1 - F) over the largest and the smallest
/// distribution function F that the data allow. Each of the two holds with the probability `confidence`.
///
/// `None` where [`dkw_margin`] has none and where a score is outside [0, 1].
///
/// # Source
/// Scholten et al., arXiv 2410.03523, the expectation bound; Anderson (1969).
///
/// # Examples
/// ```
/// let [lower, upper] = unlearn_stats::sampling::mean_bounds(&[0.0; 100], 0.99).unwrap();
/// assert_eq!(lower, 0.0);
/// assert!((upper - 0.1517).abs() < 1e-4); // all of the margin might score 1
/// ```
pub fn mean_bounds(scores: &[f64], confidence: f64) -> Option<[f64; 2]> {
    let margin = dkw_margin(scores.len(), confidence)?;
    if scores.iter().any(|score| !(0.0..=1.0).contains(score)) {
        return None;
    }
    let rising = ascending(scores);
    let edges = [&[0.0], &rising[..], &[1.0]].concat();
    let (mut lower, mut upper) = (0.0, 0.0);
    for (rank, edge) in edges.windows(2).enumerate() {
        let (share, width) = (rank as f64 / rising.len() as f64, edge[1] - edge[0]);
        lower += width * (1.0 - share - margin).max(0.0);
        upper += width * (1.0 - share + margin).min(1.0);
    }
    Some([lower, upper.min(1.0)])
}

/// The probability that `samples` independent samples give a text at least once, 1 - (1 - p)ⁿ, from the logarithm of
/// its probability p under the sampling scheme (temperature and cut-offs included), in nats.
///
/// Exact without sampling, and for p far below the spacing of floating-point numbers near 1. A text is
/// (n, p)-discoverable where this is at least p. `None` where the logarithm is above 0 or not a number.
///
/// # Source
/// Hayes et al., arXiv 2410.19482.
///
/// # Examples
/// ```
/// let half = 0.5_f64.ln();
/// assert_eq!(unlearn_stats::sampling::discovery_probability(half, 2), Some(0.75));
/// ```
pub fn discovery_probability(log_probability: f64, samples: u64) -> Option<f64> {
    let log_missed = log_missed(log_probability)?;
    Some(if samples == 0 { 0.0 } else { -(samples as f64 * log_missed).exp_m1() })
}

/// The fewest samples that give a text at least once with the probability `probability`; infinite where its own is 0.
///
/// `None` where `probability` is not in (0, 1), and where the logarithm is above 0 or not a number.
///
/// # Source
/// Hayes et al., arXiv 2410.19482: the n of (n, p)-discoverable extraction.
///
/// # Examples
/// ```
/// let half = 0.5_f64.ln();
/// assert_eq!(unlearn_stats::sampling::samples_to_discover(half, 0.9), Some(4.0));
/// ```
pub fn samples_to_discover(log_probability: f64, probability: f64) -> Option<f64> {
    let log_missed = log_missed(log_probability)?;
    let valid = probability > 0.0 && probability < 1.0;
    valid.then(|| ((-probability).ln_1p() / log_missed).ceil().max(1.0))
}

/// ln(1 - p) without loss at either end.
fn log_missed(log_probability: f64) -> Option<f64> {
    let missed = if log_probability < -std::f64::consts::LN_2 {
        (-log_probability.exp()).ln_1p()
    } else {
        (-log_probability.exp_m1()).ln()
    };
    (log_probability <= 0.0).then_some(missed)
}

fn ascending(scores: &[f64]) -> Vec<f64> {
    let mut rising = scores.to_vec();
    rising.sort_unstable_by(f64::total_cmp);
    rising
}
