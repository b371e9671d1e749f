//! Frequencies of rotary position embeddings, and how they are stretched for longer contexts. Formulas as in
//! transformers' `modeling_rope_utils`.

use std::f64::consts::TAU;

/// How rotary frequencies are stretched for longer contexts.
#[derive(Debug, Clone, PartialEq)]
pub enum RopeScaling {
    /// Not at all.
    None,
    /// All slowed down by `factor` (Chen et al., 2023).
    Linear {
        /// Slow-down.
        factor: f64,
    },
    /// The base grows with the row once it is longer than `original` (NTK-aware, dynamic).
    Dynamic {
        /// How much longer rows get.
        factor: f64,
        /// Context that the model was trained on.
        original: f64,
    },
    /// By wavelength (Llama 3.1): long waves slowed down by `factor`, short ones kept, a ramp between.
    Llama3 {
        /// Slow-down of long waves.
        factor: f64,
        /// Waves longer than `original / low` are slowed down.
        low_freq_factor: f64,
        /// Waves shorter than `original / high` are kept.
        high_freq_factor: f64,
        /// Context that the model was first trained on.
        original: f64,
    },
    /// By the number of turns within the original context (YaRN, Peng et al., 2023).
    Yarn {
        /// Slow-down of slow waves.
        factor: f64,
        /// Waves with more turns are kept.
        beta_fast: f64,
        /// Waves with fewer turns are slowed down.
        beta_slow: f64,
        /// Context that the model was first trained on.
        original: f64,
        /// Whether the ramp's ends are whole numbers.
        truncate: bool,
    },
    /// By one measured factor for each frequency; others for rows longer than `original` (Ding et al., 2024).
    Long {
        /// For rows up to `original`.
        short: Vec<f64>,
        /// For longer ones.
        long: Vec<f64>,
        /// Context that the model was first trained on.
        original: f64,
    },
}

/// Rotary position embedding.
#[derive(Debug, Clone, PartialEq)]
pub struct Rope {
    /// Base of the geometric series of frequencies.
    pub theta: f64,
    /// How many of a head's entries turn, from the first.
    pub dim: usize,
    /// Stretching.
    pub scaling: RopeScaling,
    /// What cosines and sines are multiplied by.
    pub attention_factor: f64,
}

impl Rope {
    /// Angular frequency of each of the `dim / 2` pairs in a row of `length` tokens.
    #[must_use]
    pub fn frequencies(&self, length: usize) -> Vec<f64> {
        let (half, d) = (self.dim / 2, self.dim as f64);
        let series = |theta: f64| (0..half).map(move |i| theta.powf(-2.0 * i as f64 / d));
        let plain = series(self.theta);
        match &self.scaling {
            RopeScaling::None => plain.collect(),
            RopeScaling::Linear { factor } => plain.map(|f| f / factor).collect(),
            RopeScaling::Dynamic { factor, original } => {
                let stretch = factor * (length as f64).max(*original) / original - (factor - 1.0);
                series(self.theta * stretch.powf(d / (d - 2.0))).collect()
            }
            RopeScaling::Llama3 { factor, low_freq_factor, high_freq_factor, original } => plain
                .map(|f| {
                    let turns = original * f / TAU;
                    let ramp = ((turns - low_freq_factor) / (high_freq_factor - low_freq_factor)).clamp(0.0, 1.0);
                    (1.0 - ramp) * f / factor + ramp * f
                })
                .collect(),
            RopeScaling::Yarn { factor, beta_fast, beta_slow, original, truncate } => {
                let pair = |turns: f64| d * (original / (turns * TAU)).ln() / (2.0 * self.theta.ln());
                let (mut low, mut high) = (pair(*beta_fast), pair(*beta_slow));
                if *truncate {
                    (low, high) = (low.floor(), high.ceil());
                }
                (low, high) = (low.max(0.0), high.min(d - 1.0));
                if low == high {
                    high += 0.001;
                }
                plain
                    .enumerate()
                    .map(|(i, f)| {
                        let slowed = ((i as f64 - low) / (high - low)).clamp(0.0, 1.0);
                        slowed * f / factor + (1.0 - slowed) * f
                    })
                    .collect()
            }
            RopeScaling::Long { short, long, original } => {
                let factors = if length as f64 > *original { long } else { short };
                plain.zip(factors).map(|(f, factor)| f / factor).collect()
            }
        }
    }

    /// Two lengths of one regime have the same frequencies.
    #[must_use]
    pub fn regime(&self, length: usize) -> usize {
        match &self.scaling {
            RopeScaling::Dynamic { original, .. } if length as f64 > *original => length,
            RopeScaling::Long { original, .. } => usize::from(length as f64 > *original),
            _ => 0,
        }
    }

    /// Whether frequencies depend on how long a row is.
    #[must_use]
    pub fn depends_on_length(&self) -> bool {
        matches!(self.scaling, RopeScaling::Dynamic { .. } | RopeScaling::Long { .. })
    }
}
