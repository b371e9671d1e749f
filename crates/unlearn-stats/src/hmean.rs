//! The harmonic mean, which one bad value pulls down.

/// The harmonic mean of `values`, n / Σ 1/x: 0 where any value is 0.
///
/// `None` without values, or where a value is negative or not finite.
///
/// # Source
/// The aggregate of TOFU's model utility; the same number as `scipy.stats.hmean`.
///
/// # Examples
/// ```
/// use unlearn_stats::hmean::harmonic_mean;
/// assert_eq!(harmonic_mean(&[0.5, 0.25]), Some(1.0 / 3.0));
/// assert_eq!(harmonic_mean(&[0.9, 0.0]), Some(0.0));
/// assert_eq!(harmonic_mean(&[0.9, -0.1]), None);
/// ```
pub fn harmonic_mean(values: &[f64]) -> Option<f64> {
    if values.is_empty() || values.iter().any(|value| !value.is_finite() || *value < 0.0) {
        return None;
    }
    // A zero has an infinite reciprocal (with its sign, so that -0 is made 0), and n / infinity is 0.
    let reciprocals: f64 = values.iter().map(|value| 1.0 / value.abs()).sum();
    Some(values.len() as f64 / reciprocals)
}
