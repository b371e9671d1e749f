//! All randomness comes from one seed through named streams, so that adding a stream never moves another.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use sha2::{Digest, Sha256};

/// The generator of the stream `name` under `seed`.
///
/// # Examples
/// ```
/// use rand_chacha::rand_core::Rng;
/// let draw = |seed, name| unlearn_core::seed::stream(seed, name).next_u64();
/// assert_eq!(draw(0, "shuffle"), draw(0, "shuffle"));
/// assert_ne!(draw(0, "shuffle"), draw(0, "init"));
/// assert_ne!(draw(0, "shuffle"), draw(1, "shuffle"));
/// ```
pub fn stream(seed: u64, name: &str) -> ChaCha8Rng {
    let mut hasher = Sha256::new();
    hasher.update(seed.to_le_bytes());
    hasher.update(name.as_bytes());
    ChaCha8Rng::from_seed(hasher.finalize().into())
}

/// The first number of a stream: a seed for what has streams of its own.
pub fn number(seed: u64, name: &str) -> u64 {
    stream(seed, name).next_u64()
}

/// `n` numbers of a stream, evenly from `[0, 1)`, to 53 bits.
pub fn uniform(seed: u64, name: &str, n: usize) -> Vec<f64> {
    let mut rng = stream(seed, name);
    (0..n).map(|_| (rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64).collect()
}

/// `n` numbers of a stream from the normal distribution (Box and Muller, 1958).
pub fn normal(seed: u64, name: &str, n: usize) -> Vec<f64> {
    let even = uniform(seed, name, n + n % 2);
    let pair = |u: &[f64]| {
        // 1 − u lies in (0, 1]: its logarithm is finite.
        let (length, angle) = ((-2.0 * (1.0 - u[0]).ln()).sqrt(), std::f64::consts::TAU * u[1]);
        [length * angle.cos(), length * angle.sin()]
    };
    even.chunks_exact(2).flat_map(pair).take(n).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normal_numbers_have_the_moments_that_they_should() {
        let x = normal(1, "test", 100_001);
        assert_eq!(x.len(), 100_001);
        let moment = |k: i32| x.iter().map(|v| v.powi(k)).sum::<f64>() / x.len() as f64;
        for (k, expected, tolerance) in [(1, 0.0, 0.02), (2, 1.0, 0.03), (3, 0.0, 0.06), (4, 3.0, 0.15)] {
            assert!((moment(k) - expected).abs() < tolerance, "moment {k} is {}", moment(k));
        }
    }
}
