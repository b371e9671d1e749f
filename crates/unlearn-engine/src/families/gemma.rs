//! Gemma 1, and what all Gemmas share.

use super::common::{Defaults, gated};
use super::rope::{Spelling, rope};
use super::{Family, json::Fields};
use crate::decoder::{Activation, NormKind};
use crate::{DecoderConfig, EngineError};

/// The family.
pub const FAMILY: Family = Family {
    name: "gemma",
    summary: "Gemma 1: scaled embeddings, norms that multiply by one plus the weight, GeGLU",
    config,
};

const DEFAULTS: Defaults = Defaults {
    kv_heads: Some(16),
    head_dim: Some(256),
    context: 8192,
    tied_head: true,
    activation: ("hidden_activation", Activation::GeluTanh),
    ..Defaults::LLAMA
};

fn config(f: &Fields<'_>) -> Result<DecoderConfig, EngineError> {
    let mut c = scaled(f, &DEFAULTS)?;
    // The first checkpoints say `gelu` and were trained with its approximation, which transformers 4 takes too.
    f.only("hidden_act", &["gelu", "gelu_pytorch_tanh"])?;
    c.ropes = vec![rope(f, &mut c, &Spelling::USUAL)?];
    Ok(c)
}

/// What all Gemmas share.
pub(super) fn scaled(f: &Fields<'_>, defaults: &Defaults) -> Result<DecoderConfig, EngineError> {
    let mut c = gated(f, defaults)?;
    let bias = f.switch("attention_bias")?;
    (c.qkv_bias, c.output_bias) = (bias, bias);
    c.norm = NormKind::RmsPlusOne;
    c.embedding_scale = Some((c.hidden_size as f64).sqrt());
    Ok(c)
}
