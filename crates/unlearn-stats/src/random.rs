//! Draws that every resampling here makes: uniform indices, shuffles, and the quantiles of what was drawn.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;

/// A uniform index below `bound`: the high half of a 128-bit product; its bias is below `bound` / 2^64.
pub(crate) fn index_below(bound: usize, generator: &mut ChaCha8Rng) -> usize {
    ((u128::from(generator.next_u64()) * bound as u128) >> 64) as usize
}

/// Puts a uniform choice of `count` of the items first, in uniform order (Fisher and Yates, stopped early).
pub(crate) fn shuffle_first<T>(items: &mut [T], count: usize, generator: &mut ChaCha8Rng) {
    for place in 0..count {
        items.swap(place, place + index_below(items.len() - place, generator));
    }
}

/// The quantile of values in ascending order, interpolated linearly.
pub(crate) fn quantile(sorted: &[f64], level: f64) -> f64 {
    let position = level * (sorted.len() - 1) as f64;
    let below = position.floor() as usize;
    let (lower, upper) = (sorted[below], sorted[position.ceil() as usize]);
    lower + (upper - lower) * (position - below as f64)
}
