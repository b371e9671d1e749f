//! The bootstrap (Efron, 1979): how far a mean would move had the same number of values been drawn again.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

const RESAMPLES: usize = 1000;
const LEVELS: [f64; 2] = [0.025, 0.975];

/// The 95 % percentile bootstrap interval of the mean of `values`: 1000 resamples, the same for the same `seed`.
///
/// `None` for fewer than two values, which say nothing about their spread, and where a value is not finite.
/// Percentiles between two resamples are interpolated linearly.
///
/// # Examples
/// ```
/// use unlearn_stats::bootstrap::mean_interval;
/// assert_eq!(mean_interval(&[0.5; 8], 0), Some([0.5, 0.5]));
/// assert_eq!(mean_interval(&[0.5], 0), None);
/// ```
pub fn mean_interval(values: &[f64], seed: u64) -> Option<[f64; 2]> {
    if values.len() < 2 || values.iter().any(|value| !value.is_finite()) {
        return None;
    }
    let lowest = values.iter().copied().fold(f64::INFINITY, f64::min);
    let highest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    let mut means = [0.0; RESAMPLES];
    for mean in &mut means {
        // Rounding must not carry a mean past every value it is the mean of.
        *mean = resampled_mean(values, &mut generator).clamp(lowest, highest);
    }
    means.sort_unstable_by(f64::total_cmp);
    Some(LEVELS.map(|level| quantile(&means, level)))
}

fn resampled_mean(values: &[f64], generator: &mut ChaCha8Rng) -> f64 {
    let sum: f64 = values.iter().map(|_| values[index_below(values.len(), generator)]).sum();
    sum / values.len() as f64
}

/// A uniform index below `bound`: the high half of a 128-bit product; its bias is below `bound` / 2^64.
fn index_below(bound: usize, generator: &mut ChaCha8Rng) -> usize {
    ((u128::from(generator.next_u64()) * bound as u128) >> 64) as usize
}

fn quantile(sorted: &[f64], level: f64) -> f64 {
    let position = level * (sorted.len() - 1) as f64;
    let below = position.floor() as usize;
    let (lower, upper) = (sorted[below], sorted[position.ceil() as usize]);
    lower + (upper - lower) * (position - below as f64)
}
