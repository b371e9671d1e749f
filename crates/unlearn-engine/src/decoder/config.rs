//! The switches of the one decoder. A family fills them in from its `config.json`.

/// How rotary frequencies are stretched for longer contexts.
#[derive(Debug, Clone, PartialEq)]
pub enum RopeScaling {
    /// Not at all.
    None,
    /// By wavelength (Llama 3.1): long waves slowed down by `factor`, short ones kept, a ramp between.
    Llama3 {
        /// Slow-down of long waves.
        factor: f64,
        /// Waves longer than `original / low` are slowed down.
        low_freq_factor: f64,
        /// Waves shorter than `original / high` are kept.
        high_freq_factor: f64,
        /// Context that the model was first trained on.
        original_max_position_embeddings: f64,
    },
}

/// Rotary position embedding.
#[derive(Debug, Clone, PartialEq)]
pub struct Rope {
    /// Base of the geometric series of frequencies.
    pub theta: f64,
    /// Stretching.
    pub scaling: RopeScaling,
}

impl Rope {
    /// Angular frequency of each of the `head_dim / 2` pairs.
    #[must_use]
    pub fn frequencies(&self, head_dim: usize) -> Vec<f64> {
        let plain = (0..head_dim / 2).map(|i| self.theta.powf(-2.0 * i as f64 / head_dim as f64));
        match self.scaling {
            RopeScaling::None => plain.collect(),
            RopeScaling::Llama3 { factor, low_freq_factor, high_freq_factor, original_max_position_embeddings } => {
                plain
                    .map(|f| {
                        let wavelength = 2.0 * std::f64::consts::PI / f;
                        let turns = original_max_position_embeddings / wavelength;
                        let ramp = ((turns - low_freq_factor) / (high_freq_factor - low_freq_factor)).clamp(0.0, 1.0);
                        (1.0 - ramp) * f / factor + ramp * f
                    })
                    .collect()
            }
        }
    }
}

/// Everything that tells one decoder from another.
#[derive(Debug, Clone, PartialEq)]
pub struct DecoderConfig {
    /// Tokens that have an embedding.
    pub vocab_size: usize,
    /// Width of the residual stream.
    pub hidden_size: usize,
    /// Width inside the gated feed-forward block.
    pub intermediate_size: usize,
    /// Blocks.
    pub layers: usize,
    /// Query heads.
    pub heads: usize,
    /// Key and value heads; each serves `heads / kv_heads` query heads.
    pub kv_heads: usize,
    /// Width of one head.
    pub head_dim: usize,
    /// Positions that it was made for.
    pub context: usize,
    /// Added to the mean square under the root.
    pub norm_eps: f64,
    /// Rotary embedding.
    pub rope: Rope,
    /// Whether the head is the embedding.
    pub tied_head: bool,
    /// Whether the query, key and value projections have biases.
    pub qkv_bias: bool,
    /// Whether the output projection of attention has a bias.
    pub output_bias: bool,
    /// Whether the feed-forward projections have biases.
    pub mlp_bias: bool,
}

impl DecoderConfig {
    /// Floating-point operations of one token's forward pass: 2 for each weight that it meets.
    #[must_use]
    pub fn flops_per_token(&self, parameters: usize) -> f64 {
        let embedding = self.vocab_size * self.hidden_size;
        let met = if self.tied_head { parameters } else { parameters.saturating_sub(embedding) };
        2.0 * met as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn llama3_keeps_short_waves_and_slows_long_ones() {
        let plain = Rope { theta: 1e4, scaling: RopeScaling::None }.frequencies(64);
        let scaling = RopeScaling::Llama3 {
            factor: 8.0,
            low_freq_factor: 1.0,
            high_freq_factor: 4.0,
            original_max_position_embeddings: 512.0,
        };
        let scaled = Rope { theta: 1e4, scaling }.frequencies(64);
        assert_eq!(plain[0], scaled[0]);
        assert!((scaled[31] - plain[31] / 8.0).abs() < 1e-12);
        assert!(plain.iter().zip(&scaled).all(|(p, s)| s <= p && *s >= p / 8.0 - 1e-12));
    }
}
