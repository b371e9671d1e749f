//! Qwen 2 and 2.5.

use super::common::{Defaults, gated, windows};
use super::rope::{Spelling, rope};
use super::{Family, json::Fields};
use crate::{DecoderConfig, EngineError};

/// The family.
pub const FAMILY: Family =
    Family { name: "qwen2", summary: "Qwen 2 and 2.5: Llama's form with query, key and value biases", config };

const DEFAULTS: Defaults = Defaults { kv_heads: Some(32), context: 32_768, ..Defaults::LLAMA };

fn config(f: &Fields<'_>) -> Result<DecoderConfig, EngineError> {
    let mut c = gated(f, &DEFAULTS)?;
    c.qkv_bias = true;
    c.ropes = vec![rope(f, &mut c, &Spelling::USUAL)?];
    upper_windows(f, &mut c)?;
    Ok(c)
}

/// Layers from `max_window_layers` on slide, where `use_sliding_window` says so.
pub(super) fn upper_windows(f: &Fields<'_>, c: &mut DecoderConfig) -> Result<(), EngineError> {
    let slides = f.switch("use_sliding_window")?;
    let window = f.cap_or("sliding_window", 4096.0)?.map(|w| w as usize).filter(|_| slides);
    let first = f.cap_or("max_window_layers", 28.0)?.map_or(0, |n| n as usize);
    windows(f, c, window, |i| window.is_some() && i >= first)
}
