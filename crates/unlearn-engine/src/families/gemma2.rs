//! Gemma 2.

use super::common::{Defaults, windows};
use super::gemma::scaled;
use super::rope::{Spelling, rope};
use super::{Family, json::Fields};
use crate::decoder::{Activation, Names, NormPlace};
use crate::{DecoderConfig, EngineError};

/// The family.
pub const FAMILY: Family = Family {
    name: "gemma2",
    summary: "Gemma 2: norms around each half, soft caps, every other layer with a sliding window",
    config,
};

const DEFAULTS: Defaults = Defaults {
    kv_heads: Some(4),
    head_dim: Some(256),
    context: 8192,
    tied_head: true,
    activation: ("hidden_activation", Activation::GeluTanh),
    ..Defaults::LLAMA
};

/// Names of Gemma 2 and 3.
pub(super) const NAMES: Names = Names { mlp_norm: "pre_feedforward_layernorm", ..Names::LLAMA };

fn config(f: &Fields<'_>) -> Result<DecoderConfig, EngineError> {
    let mut c = scaled(f, &DEFAULTS)?;
    f.only("hidden_act", &["gelu_pytorch_tanh"])?;
    c.names = NAMES;
    c.norm_place = NormPlace::Around;
    c.attention_scale = f.number_or("query_pre_attn_scalar", 256.0)?.powf(-0.5);
    c.attention_cap = f.cap_or("attn_logit_softcapping", 50.0)?;
    c.logit_cap = f.cap_or("final_logit_softcapping", 30.0)?;
    let window = f.cap_or("sliding_window", 4096.0)?.map(|w| w as usize);
    windows(f, &mut c, window, |i| i % 2 == 0)?;
    c.ropes = vec![rope(f, &mut c, &Spelling::USUAL)?];
    Ok(c)
}
