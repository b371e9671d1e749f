//! Llama 2 and 3, and what shares their form: SmolLM2, TinyLlama, Mistral's GGUF files.

use super::common::{Defaults, gated};
use super::rope::{Spelling, rope};
use super::{Family, json::Fields};
use crate::{DecoderConfig, EngineError};

/// The family.
pub const FAMILY: Family = Family {
    name: "llama",
    summary: "Llama 2 and 3.x, SmolLM2, TinyLlama: grouped keys, rotary positions, SwiGLU, RMSNorm",
    config,
};

fn config(f: &Fields<'_>) -> Result<DecoderConfig, EngineError> {
    let mut c = gated(f, &Defaults::LLAMA)?;
    let bias = f.switch("attention_bias")?;
    (c.qkv_bias, c.output_bias) = (bias, bias);
    c.mlp_bias = f.switch("mlp_bias")?;
    c.ropes = vec![rope(f, &mut c, &Spelling::USUAL)?];
    Ok(c)
}
