//! How well a score tells positives from negatives: the ROC curve's area and its points, with intervals.
//!
//! A higher score speaks for the positive class. Every function gives `None` where a class is empty or a score is not
//! a number.

use crate::bootstrap::Bootstrap;
use crate::normal::{TWO_SIDED_95, squared_deviations};

/// The area under the ROC curve: the probability that a positive scores higher than a negative, ties counting half
/// (Mann–Whitney). 0.5 is no better than chance.
///
/// # Source
/// The same number as scikit-learn's `roc_auc_score`.
///
/// # Examples
/// ```
/// use unlearn_stats::auc::roc_auc;
/// assert_eq!(roc_auc(&[0.1, 0.4], &[0.4, 0.9]), Some(0.875));
/// assert_eq!(roc_auc(&[0.1], &[]), None);
/// ```
pub fn roc_auc(negative: &[f64], positive: &[f64]) -> Option<f64> {
    let won: f64 = placements(negative, positive)?.iter().map(|placement| *placement as f64).sum();
    Some(won / (2.0 * negative.len() as f64 * positive.len() as f64))
}

/// The largest share of positives above a threshold that at most the share `rate` of the negatives reaches.
///
/// Only thresholds that the scores themselves give are taken; nothing is interpolated between them. With fewer than
/// 1 / `rate` negatives, none may reach the threshold. `None` too where `rate` is not in [0, 1].
///
/// # Source
/// `max(tpr[fpr <= rate])` of scikit-learn's `roc_curve(…, drop_intermediate=False)`.
///
/// # Examples
/// ```
/// use unlearn_stats::auc::tpr_at_fpr;
/// assert_eq!(tpr_at_fpr(&[0.1, 0.2, 0.3, 0.8], &[0.25, 0.9], 0.0), Some(0.5));
/// assert_eq!(tpr_at_fpr(&[0.1, 0.2, 0.3, 0.8], &[0.25, 0.9], 0.5), Some(1.0));
/// ```
pub fn tpr_at_fpr(negative: &[f64], positive: &[f64], rate: f64) -> Option<f64> {
    if !usable(negative, positive) || !(0.0..=1.0).contains(&rate) {
        return None;
    }
    let falling = descending(negative);
    let count = falling.len() as f64;
    let allowed = (0..=falling.len()).rev().find(|count_above| *count_above as f64 / count <= rate)?;
    let Some(excluded) = falling.get(allowed) else { return Some(1.0) };
    let found = positive.iter().filter(|score| *score > excluded).count();
    Some(found as f64 / positive.len() as f64)
}

/// The area under the ROC curve and how far it is to be trusted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DeLong {
    /// The area, as [`roc_auc`] has it.
    pub auc: f64,
    /// The estimated variance of the area.
    pub variance: f64,
    /// The 95 % interval, the area plus or minus 1.96 standard errors, cut to [0, 1].
    pub interval: [f64; 2],
}

/// DeLong's variance of the area under the ROC curve, and the normal interval that it gives.
///
/// Var = S₁₀ / m + S₀₁ / n, where S₁₀ is the sample variance over the m positives of the share of negatives that each
/// beats, S₀₁ the same over the n negatives. Where the classes are apart (area 0 or 1) the variance is 0 and the
/// interval a point: it then says nothing, and [`bootstrap_interval`] neither.
///
/// `None` too where a class has fewer than two scores.
///
/// # Source
/// DeLong, DeLong and Clarke-Pearson, "Comparing the areas under two or more correlated ROC curves" (1988), computed
/// from ranks as Sun and Xu (2014) do.
pub fn delong(negative: &[f64], positive: &[f64]) -> Option<DeLong> {
    if negative.len() < 2 || positive.len() < 2 {
        return None;
    }
    let auc = roc_auc(negative, positive)?;
    let variance = variance_of_mean_share(negative, positive)? + variance_of_mean_share(positive, negative)?;
    let half_width = TWO_SIDED_95 * variance.sqrt();
    Some(DeLong { auc, variance, interval: [(auc - half_width).max(0.0), (auc + half_width).min(1.0)] })
}

/// The percentile bootstrap interval of [`roc_auc`]: both classes are drawn again, each from itself.
pub fn bootstrap_interval(negative: &[f64], positive: &[f64], bootstrap: &Bootstrap) -> Option<[f64; 2]> {
    bootstrap.two_sample_interval(negative, positive, roc_auc)
}

/// The estimated variance of the mean, over `scores`, of the share of `others` that each beats.
fn variance_of_mean_share(others: &[f64], scores: &[f64]) -> Option<f64> {
    let twice_all = 2.0 * others.len() as f64;
    let shares: Vec<f64> = placements(others, scores)?.iter().map(|placement| *placement as f64 / twice_all).collect();
    let count = shares.len() as f64;
    Some(squared_deviations(&shares)? / (count - 1.0) / count)
}

fn usable(negative: &[f64], positive: &[f64]) -> bool {
    !negative.is_empty() && !positive.is_empty() && !negative.iter().chain(positive).any(|score| score.is_nan())
}

fn descending(scores: &[f64]) -> Vec<f64> {
    let mut falling = scores.to_vec();
    falling.sort_unstable_by(|a, b| b.total_cmp(a));
    falling
}

/// For each of `scores`, twice the number of `others` below it plus the number equal to it.
fn placements(others: &[f64], scores: &[f64]) -> Option<Vec<usize>> {
    if !usable(others, scores) {
        return None;
    }
    let falling = descending(others);
    let reaching = |at_least: &dyn Fn(f64) -> bool| falling.partition_point(|other| at_least(*other));
    let placement = |score: &f64| {
        let (above, not_below) = (reaching(&|other| other > *score), reaching(&|other| other >= *score));
        2 * falling.len() - above - not_below
    };
    Some(scores.iter().map(placement).collect())
}
