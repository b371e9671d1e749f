//! How far two distributions are apart: of the next token, of scores, of whole answers.

use std::f64::consts::LN_2;

/// A vector of probabilities sums to 1 up to this much, or it is refused.
const SUM_TOLERANCE: f64 = 1e-3;

/// The Kullback–Leibler divergence KL(p ‖ q) = Σ p (ln p - ln q), in nats, of two vectors of log-probabilities.
///
/// A probability may be 0 (a logarithm of -∞): where p is, nothing is added; where q alone is, the result is ∞.
/// `None` where the vectors are empty, differ in length, or do not each sum to 1 within 0.001 (which also finds logits
/// and probabilities given by mistake). Rounding does not make it negative.
///
/// # Examples
/// ```
/// use unlearn_stats::divergence::kl;
/// let [even, certain] = [[0.5_f64.ln(); 2], [0.0, f64::NEG_INFINITY]];
/// assert_eq!(kl(&certain, &even), Some(std::f64::consts::LN_2));
/// assert_eq!(kl(&even, &certain), Some(f64::INFINITY));
/// ```
pub fn kl<T: Copy + Into<f64>>(log_p: &[T], log_q: &[T]) -> Option<f64> {
    if !comparable(log_p, log_q) {
        return None;
    }
    let pairs = log_p.iter().zip(log_q).map(|(p, q)| ((*p).into(), (*q).into()));
    Some(pairs.map(|(p, q)| kl_term(p, q)).sum::<f64>().max(0.0))
}

/// The Jensen–Shannon divergence ½ KL(p ‖ m) + ½ KL(q ‖ m) with m = (p + q) / 2, in nats, in [0, ln 2].
///
/// Symmetric, 0 only where the distributions agree, ln 2 only where they share nothing. It is a divergence; its root is
/// a distance (which scipy's `jensenshannon` gives). `None` as for [`kl`].
///
/// # Examples
/// ```
/// use unlearn_stats::divergence::js;
/// let [first, second] = [[0.0, f64::NEG_INFINITY], [f64::NEG_INFINITY, 0.0]];
/// assert_eq!(js(&first, &second), Some(std::f64::consts::LN_2));
/// ```
pub fn js<T: Copy + Into<f64>>(log_p: &[T], log_q: &[T]) -> Option<f64> {
    if !comparable(log_p, log_q) {
        return None;
    }
    let pairs = log_p.iter().zip(log_q).map(|(p, q)| ((*p).into(), (*q).into()));
    let sum: f64 = pairs.map(|(p, q)| js_term(p, q)).sum();
    Some((0.5 * sum).clamp(0.0, LN_2))
}

/// The first Wasserstein distance of two samples, ∫ |F - G|: how far values must be moved on average to make one
/// sample the other. In the unit of the values. For samples of equal size it is the mean |difference| after sorting.
///
/// `None` where a sample is empty or a value is not finite.
///
/// # Source
/// The same number as `scipy.stats.wasserstein_distance`.
///
/// # Examples
/// ```
/// use unlearn_stats::divergence::wasserstein_1;
/// assert_eq!(wasserstein_1(&[0.0, 1.0], &[3.0, 2.0]), Some(2.0));
/// assert_eq!(wasserstein_1(&[0.0], &[0.0, 1.0]), Some(0.5));
/// ```
pub fn wasserstein_1(a: &[f64], b: &[f64]) -> Option<f64> {
    if a.is_empty() || b.is_empty() || a.iter().chain(b).any(|value| !value.is_finite()) {
        return None;
    }
    let weigh = |values: &[f64], weight: f64| values.iter().map(|value| (*value, weight)).collect::<Vec<_>>();
    // The distance is counted in steps of both functions, so that equal samples are exactly 0 apart.
    let mut steps = [weigh(a, b.len() as f64), weigh(b, -(a.len() as f64))].concat();
    steps.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let (mut apart, mut area) = (0.0_f64, 0.0);
    for pair in steps.windows(2) {
        apart += pair[0].1;
        area += apart.abs() * (pair[1].0 - pair[0].0);
    }
    Some(area / (a.len() as f64 * b.len() as f64))
}

/// One sampled answer, as two subjects see it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SampledAnswer {
    /// Its log-probability under the subject that it was sampled from, summed over its tokens, in nats.
    pub own: f64,
    /// The same under the other subject; -∞ where that one cannot give it.
    pub other: f64,
    /// How many tokens it has, at least 1.
    pub tokens: usize,
}

/// How far two subjects are apart in what they would say, in nats per token.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Alignment {
    /// The estimate of KL(p ‖ q) per token: what p says that q would not.
    pub p_to_q: f64,
    /// The estimate of KL(q ‖ p) per token: what q says that p would not.
    pub q_to_p: f64,
}

impl Alignment {
    /// The mean of both directions.
    pub fn symmetric(&self) -> f64 {
        0.5 * (self.p_to_q + self.q_to_p)
    }
}

/// Monte-Carlo estimates of both divergences of two subjects p and q, from answers sampled from each: the mean of
/// (ln own - ln other) / tokens.
///
/// 0 in both directions where the subjects are equal, whatever was sampled; otherwise an estimate may by chance be
/// below 0. `None` where a side has no answer, an answer no token, or a log-probability is above 0 or not a number, or
/// that of the sampled answer itself is -∞.
///
/// # Source
/// After FADE (Cho et al., arXiv 2510.12981), which compares bidirectional likelihoods of generated answers.
pub fn alignment(from_p: &[SampledAnswer], from_q: &[SampledAnswer]) -> Option<Alignment> {
    Some(Alignment { p_to_q: kl_per_token(from_p)?, q_to_p: kl_per_token(from_q)? })
}

fn kl_per_token(answers: &[SampledAnswer]) -> Option<f64> {
    let valid = |answer: &SampledAnswer| {
        answer.tokens > 0 && answer.own.is_finite() && answer.own <= 0.0 && answer.other <= 0.0
    };
    if answers.is_empty() || !answers.iter().all(valid) {
        return None;
    }
    let sum: f64 = answers.iter().map(|answer| (answer.own - answer.other) / answer.tokens as f64).sum();
    Some(sum / answers.len() as f64)
}

fn comparable<T: Copy + Into<f64>>(log_p: &[T], log_q: &[T]) -> bool {
    let whole = |logs: &[T]| (logs.iter().map(|log| (*log).into().exp()).sum::<f64>() - 1.0).abs() <= SUM_TOLERANCE;
    log_p.len() == log_q.len() && whole(log_p) && whole(log_q)
}

fn kl_term(log_p: f64, log_q: f64) -> f64 {
    if log_p == f64::NEG_INFINITY { 0.0 } else { log_p.exp() * (log_p - log_q) }
}

/// p ln(p / m) + q ln(q / m), and exactly 0 where p = q.
fn js_term(log_p: f64, log_q: f64) -> f64 {
    let (high, low) = (log_p.max(log_q), log_p.min(log_q));
    if high == f64::NEG_INFINITY {
        return 0.0;
    }
    let gap = low - high;
    let high_over_m = LN_2 - gap.exp().ln_1p();
    let of_low = if gap == f64::NEG_INFINITY { 0.0 } else { low.exp() * (gap + high_over_m) };
    high.exp() * high_over_m + of_low
}
