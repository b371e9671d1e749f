//! Families of checkpoints over the one decoder: each is a config map and the quirks that follow from it.

mod common;
mod gemma;
mod gemma2;
mod gemma3;
mod gpt2;
mod gpt_neox;
pub(crate) mod json;
mod llama;
mod mistral;
mod olmo2;
mod phi;
mod phi3;
mod qwen2;
mod qwen3;
mod rope;

use std::path::Path;

use serde_json::Value;
use unlearn_core::registry::{self, Named};

use crate::{DecoderConfig, EngineError};

/// One family.
pub struct Family {
    /// `model_type` in `config.json`.
    pub name: &'static str,
    /// One line for `unlearn families`.
    pub summary: &'static str,
    /// Turns `config.json` into the decoder's switches.
    pub config: fn(&json::Fields<'_>) -> Result<DecoderConfig, EngineError>,
}

impl Named for Family {
    fn name(&self) -> &'static str {
        self.name
    }
}

/// Every family, in the order in which they are listed.
pub static FAMILIES: &[Family] = &[
    llama::FAMILY,
    mistral::FAMILY,
    qwen2::FAMILY,
    qwen3::FAMILY,
    gemma::FAMILY,
    gemma2::FAMILY,
    gemma3::FAMILY,
    phi::FAMILY,
    phi3::FAMILY,
    gpt_neox::FAMILY,
    gpt2::FAMILY,
    olmo2::FAMILY,
];

/// The decoder's switches for the `config.json` at `path`.
///
/// # Errors
/// When its `model_type` is of no family, or an option in it is one that the decoder lacks.
pub fn decoder_config(config: &Value, path: &Path) -> Result<DecoderConfig, EngineError> {
    let fields = json::Fields::new(config, path);
    let name = fields.text("model_type")?;
    let family = registry::find("model_type", FAMILIES, name)
        .map_err(|source| EngineError::Family { path: path.to_owned(), source })?;
    let decoder = (family.config)(&fields)?;
    fields.refuse_the_rest()?;
    common::check(&fields, &decoder)?;
    Ok(decoder)
}
