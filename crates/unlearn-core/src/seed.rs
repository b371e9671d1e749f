//! All randomness comes from one seed through named streams, so that adding a stream never moves another.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
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
