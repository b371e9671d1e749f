//! Mistral and Zephyr.

use super::common::{Defaults, gated, windows};
use super::rope::{Spelling, rope};
use super::{Family, json::Fields};
use crate::{DecoderConfig, EngineError};

/// The family.
pub const FAMILY: Family =
    Family { name: "mistral", summary: "Mistral 7B, Zephyr: Llama's form with a sliding window", config };

const DEFAULTS: Defaults = Defaults { kv_heads: Some(8), context: 131_072, ..Defaults::LLAMA };

fn config(f: &Fields<'_>) -> Result<DecoderConfig, EngineError> {
    let mut c = gated(f, &DEFAULTS)?;
    let window = f.cap_or("sliding_window", 4096.0)?.map(|w| w as usize);
    windows(f, &mut c, window, |_| window.is_some())?;
    c.ropes = vec![rope(f, &mut c, &Spelling::USUAL)?];
    Ok(c)
}
