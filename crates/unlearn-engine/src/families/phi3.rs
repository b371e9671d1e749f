//! Phi 3, 3.5 and 4 (mini).

use super::common::{Defaults, gated, windows};
use super::rope::{Spelling, rope};
use super::{Family, json::Fields};
use crate::decoder::{MlpForm, QkvLayout};
use crate::{DecoderConfig, EngineError};

/// The family.
pub const FAMILY: Family = Family {
    name: "phi3",
    summary: "Phi 3 and 3.5 (mini, medium): Llama's form with fused projections, longrope",
    config,
};

const DEFAULTS: Defaults = Defaults { context: 4096, norm_eps: 1e-5, ..Defaults::LLAMA };

const SPELLING: Spelling = Spelling { partial: Some(("partial_rotary_factor", 1.0)), ..Spelling::USUAL };

fn config(f: &Fields<'_>) -> Result<DecoderConfig, EngineError> {
    let mut c = gated(f, &DEFAULTS)?;
    (c.qkv, c.mlp) = (QkvLayout::Stacked, MlpForm::GatedStacked);
    let _ = f.number("original_max_position_embeddings")?;
    let window = f.number("sliding_window")?.map(|w| w as usize);
    windows(f, &mut c, window, |_| window.is_some())?;
    c.ropes = vec![rope(f, &mut c, &SPELLING)?];
    Ok(c)
}
