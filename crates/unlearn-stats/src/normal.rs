//! The normal distribution.

use std::f64::consts::{FRAC_1_SQRT_2, PI};

/// The standard normal's 97.5 % quantile: half of what a 95 % interval spans, in standard errors.
pub const TWO_SIDED_95: f64 = 1.959_963_984_540_054;

/// Φ(x), the probability that a standard normal variable is at most `x`, with a relative error below 1e-14 in the
/// bulk and in the lower tail.
///
/// # Examples
/// ```
/// assert_eq!(unlearn_stats::normal::cdf(0.0), 0.5);
/// ```
pub fn cdf(x: f64) -> f64 {
    0.5 * libm::erfc(-x * FRAC_1_SQRT_2)
}

/// A normal distribution.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gaussian {
    /// Its mean.
    pub mean: f64,
    /// Its standard deviation, above 0.
    pub deviation: f64,
}

impl Gaussian {
    /// The most likely normal distribution of `values`: their mean, and their deviation divided by n (not n - 1).
    ///
    /// `None` for fewer than two values, where all are equal and where one is not finite.
    pub fn fit(values: &[f64]) -> Option<Self> {
        let mean = mean(values)?;
        let deviation = (squared_deviations(values)? / values.len() as f64).sqrt();
        (values.len() > 1 && deviation > 0.0 && deviation.is_finite()).then_some(Self { mean, deviation })
    }

    /// The logarithm of the density at `x`, in nats.
    pub fn ln_density(&self, x: f64) -> f64 {
        let z = self.standardise(x);
        -0.5 * z * z - self.deviation.ln() - 0.5 * (2.0 * PI).ln()
    }

    /// How many standard deviations `x` lies above the mean.
    pub fn standardise(&self, x: f64) -> f64 {
        (x - self.mean) / self.deviation
    }
}

/// The mean of finite values; `None` without any.
pub(crate) fn mean(values: &[f64]) -> Option<f64> {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    mean.is_finite().then_some(mean)
}

/// The sum of squared distances to the mean; exactly 0 where all values are equal.
pub(crate) fn squared_deviations(values: &[f64]) -> Option<f64> {
    let first = *values.first()?;
    let shifted: Vec<f64> = values.iter().map(|value| value - first).collect();
    let mean = mean(&shifted)?;
    Some(shifted.iter().map(|value| (value - mean).powi(2)).sum())
}
