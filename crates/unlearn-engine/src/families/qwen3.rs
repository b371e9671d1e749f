//! Qwen 3.

use super::common::{Defaults, gated};
use super::qwen2::upper_windows;
use super::rope::{Spelling, rope};
use super::{Family, json::Fields};
use crate::decoder::QueryKeyNorm;
use crate::{DecoderConfig, EngineError};

/// The family.
pub const FAMILY: Family =
    Family { name: "qwen3", summary: "Qwen 3 (dense): Llama's form with a norm on each query and key head", config };

const DEFAULTS: Defaults = Defaults { kv_heads: Some(32), head_dim: Some(128), context: 32_768, ..Defaults::LLAMA };

fn config(f: &Fields<'_>) -> Result<DecoderConfig, EngineError> {
    let mut c = gated(f, &DEFAULTS)?;
    let bias = f.switch("attention_bias")?;
    (c.qkv_bias, c.output_bias) = (bias, bias);
    c.query_key_norm = QueryKeyNorm::Head;
    c.ropes = vec![rope(f, &mut c, &Spelling::USUAL)?];
    upper_windows(f, &mut c)?;
    Ok(c)
}
