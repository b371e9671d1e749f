//! Gemma 3, text only.

use super::common::{Defaults, windows};
use super::gemma::scaled;
use super::gemma2::NAMES;
use super::rope::{Spelling, rope_of};
use super::{Family, json::Fields};
use crate::decoder::{Activation, NormPlace, QueryKeyNorm};
use crate::{DecoderConfig, EngineError};

/// The family.
pub const FAMILY: Family = Family {
    name: "gemma3_text",
    summary: "Gemma 3 (270M, 1B; text only): norms on query and key heads, two rotary bases, sliding windows",
    config,
};

const DEFAULTS: Defaults = Defaults {
    kv_heads: Some(4),
    head_dim: Some(256),
    context: 131_072,
    tied_head: true,
    activation: ("hidden_activation", Activation::GeluTanh),
    ..Defaults::LLAMA
};

/// Rotary base of layers that see everything, and of those with a window.
const GLOBAL: Spelling = Spelling { theta: ("rope_theta", 1e6), partial: None };
const LOCAL: Spelling = Spelling { theta: ("rope_local_base_freq", 1e4), partial: None };

fn config(f: &Fields<'_>) -> Result<DecoderConfig, EngineError> {
    let mut c = scaled(f, &DEFAULTS)?;
    c.names = NAMES;
    c.norm_place = NormPlace::Around;
    c.query_key_norm = QueryKeyNorm::Head;
    c.attention_scale = f.number_or("query_pre_attn_scalar", 256.0)?.powf(-0.5);
    c.attention_cap = f.number("attn_logit_softcapping")?;
    c.logit_cap = f.number("final_logit_softcapping")?;
    let window = f.cap_or("sliding_window", 4096.0)?.map(|w| w as usize);
    let pattern = f.size_or("sliding_window_pattern", 6)?;
    windows(f, &mut c, window, |i| (i + 1) % pattern != 0)?;
    for kind in &mut c.layers {
        kind.rope = usize::from(kind.window.is_some());
    }
    let (global, local) = match f.object("rope_parameters")? {
        Some(both) => (both.object("full_attention")?, both.object("sliding_attention")?),
        // The older spelling scales layers that see everything, and those alone.
        None => (f.object("rope_scaling")?, None),
    };
    c.ropes = vec![rope_of(f, global, &mut c, &GLOBAL)?, rope_of(f, local, &mut c, &LOCAL)?];
    Ok(c)
}
