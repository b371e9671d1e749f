//! GPT-NeoX: Pythia.

use super::common::{Defaults, gated};
use super::rope::{Spelling, rope};
use super::{Family, json::Fields};
use crate::decoder::{Activation, MlpForm, Names, NormKind, QkvLayout, Residual};
use crate::{DecoderConfig, EngineError};

/// The family.
pub const FAMILY: Family = Family {
    name: "gpt_neox",
    summary: "Pythia, GPT-NeoX: fused heads, partial rotary positions, attention and feed-forward side by side",
    config,
};

const DEFAULTS: Defaults = Defaults { activation: ("hidden_act", Activation::Gelu), ..Defaults::LLAMA };

const NAMES: Names = Names {
    embedding: "gpt_neox.embed_in",
    layers: "gpt_neox.layers",
    norm: "gpt_neox.final_layer_norm",
    head: "embed_out",
    qkv: "attention.query_key_value",
    attention_output: "attention.dense",
    up: "mlp.dense_h_to_4h",
    down: "mlp.dense_4h_to_h",
    ..Names::LLAMA
};

const SPELLING: Spelling = Spelling { theta: ("rotary_emb_base", 1e4), partial: Some(("rotary_pct", 0.25)) };

fn config(f: &Fields<'_>) -> Result<DecoderConfig, EngineError> {
    let mut c = gated(f, &DEFAULTS)?;
    c.names = NAMES;
    (c.norm, c.norm_eps) = (NormKind::Layer, f.number_or("layer_norm_eps", 1e-5)?);
    c.residual = if f.switch_or("use_parallel_residual", true)? { Residual::Parallel } else { Residual::Sequential };
    (c.qkv, c.mlp) = (QkvLayout::ByHead, MlpForm::Plain);
    let bias = f.switch_or("attention_bias", true)?;
    (c.qkv_bias, c.output_bias, c.mlp_bias) = (bias, bias, true);
    c.ropes = vec![rope(f, &mut c, &SPELLING)?];
    Ok(c)
}
