//! Choosing the next token.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use unlearn_core::seed;

/// How the next token is chosen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sampling {
    /// Scores are divided by it; 0 takes the best.
    pub temperature: f64,
    /// Only the best so many; 0: all.
    pub top_k: usize,
    /// Only the smallest set of best tokens that holds this much probability; 1: all.
    pub top_p: f64,
    /// Only tokens with at least this share of the best one's probability; 0: all.
    pub min_p: f64,
    /// Scores of tokens that stand in the row already are divided by it where positive, multiplied where negative
    /// (Keskar et al., 2019).
    pub repetition_penalty: f64,
}

impl Default for Sampling {
    fn default() -> Self {
        Self { temperature: 0.0, top_k: 0, top_p: 1.0, min_p: 0.0, repetition_penalty: 1.0 }
    }
}

/// The generator of one row: it does not depend on the other rows.
pub(super) fn stream(seed: u64, row: usize) -> ChaCha8Rng {
    seed::stream(seed, &format!("generate/{row}"))
}

impl Sampling {
    /// The next token under `logits`, after the tokens of `row`.
    pub(super) fn choose(&self, logits: &[f32], row: impl Iterator<Item = u32>, rng: &mut ChaCha8Rng) -> u32 {
        if self.repetition_penalty == 1.0 {
            return self.choose_among(logits, rng);
        }
        let (mut logits, by) = (logits.to_vec(), self.repetition_penalty as f32);
        let seen: std::collections::BTreeSet<u32> = row.collect();
        for id in seen {
            if let Some(x) = logits.get_mut(id as usize) {
                *x = if *x > 0.0 { *x / by } else { *x * by };
            }
        }
        self.choose_among(&logits, rng)
    }

    fn choose_among(&self, logits: &[f32], rng: &mut ChaCha8Rng) -> u32 {
        if self.temperature <= 0.0 {
            return best(logits);
        }
        let mut order: Vec<u32> = (0..logits.len() as u32).collect();
        order.sort_by(|&a, &b| logits[b as usize].total_cmp(&logits[a as usize]).then(a.cmp(&b)));
        if self.top_k > 0 {
            order.truncate(self.top_k);
        }
        let top = f64::from(logits[order[0] as usize]);
        let mut shares: Vec<f64> =
            order.iter().map(|&i| ((f64::from(logits[i as usize]) - top) / self.temperature).exp()).collect();
        let sum: f64 = shares.iter().sum();
        let mut held = 0.0;
        let enough = shares.iter().position(|s| {
            held += s / sum;
            held >= self.top_p
        });
        shares.truncate(enough.map_or(shares.len(), |n| n + 1));
        // Shares are relative to the best one's.
        shares.truncate(shares.iter().take_while(|s| **s >= self.min_p).count().max(1));
        let mut left = rng.random::<f64>() * shares.iter().sum::<f64>();
        for (i, share) in shares.iter().enumerate() {
            left -= share;
            if left < 0.0 {
                return order[i];
            }
        }
        order[shares.len() - 1]
    }
}

/// The first of the best.
fn best(logits: &[f32]) -> u32 {
    let mut at = 0;
    for (i, x) in logits.iter().enumerate() {
        if *x > logits[at] {
            at = i;
        }
    }
    at as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frequencies_follow_the_distribution_and_its_cuts() {
        let logits = [0.0, (3.0f32).ln(), (6.0f32).ln(), f32::NEG_INFINITY];
        let count = |s: Sampling| {
            let mut rng = stream(1, 0);
            let mut counts = [0; 4];
            for _ in 0..20_000 {
                counts[s.choose(&logits, std::iter::empty(), &mut rng) as usize] += 1;
            }
            counts.map(|c| f64::from(c) / 20_000.0)
        };
        let plain = count(Sampling { temperature: 1.0, ..Sampling::default() });
        for (share, expected) in plain.iter().zip([0.1, 0.3, 0.6, 0.0]) {
            assert!((share - expected).abs() < 0.015, "{plain:?}");
        }
        assert_eq!(count(Sampling { temperature: 1.0, top_k: 2, ..Sampling::default() })[0], 0.0);
        assert_eq!(count(Sampling { temperature: 1.0, top_p: 0.5, ..Sampling::default() })[2], 1.0);
        assert_eq!(count(Sampling { temperature: 1.0, min_p: 0.4, ..Sampling::default() })[0], 0.0);
        assert_eq!(count(Sampling::default())[2], 1.0);
    }

    #[test]
    fn a_repeated_token_is_penalised() {
        let penalised = Sampling { repetition_penalty: 2.0, ..Sampling::default() };
        let choose = |logits: [f32; 3], row: &[u32]| penalised.choose(&logits, row.iter().copied(), &mut stream(1, 0));
        assert_eq!(choose([3.0, 2.0, 1.0], &[]), 0);
        assert_eq!(choose([3.0, 2.0, 1.0], &[0, 0]), 1);
        assert_eq!(choose([-1.0, -1.5, -4.0], &[0]), 1);
    }
}
