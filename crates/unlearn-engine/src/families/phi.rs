//! Phi 1, 1.5 and 2.

use super::common::{Defaults, gated};
use super::rope::{Spelling, rope};
use super::{Family, json::Fields};
use crate::decoder::{Activation, MlpForm, Names, NormKind, Residual};
use crate::{DecoderConfig, EngineError};

/// The family.
pub const FAMILY: Family = Family {
    name: "phi",
    summary: "Phi 1, 1.5 and 2: attention and feed-forward side by side behind one LayerNorm, partial rotary positions",
    config,
};

const DEFAULTS: Defaults = Defaults { activation: ("hidden_act", Activation::GeluTanh), ..Defaults::LLAMA };

const NAMES: Names = Names {
    norm: "model.final_layernorm",
    attention_output: "self_attn.dense",
    up: "mlp.fc1",
    down: "mlp.fc2",
    ..Names::LLAMA
};

const SPELLING: Spelling = Spelling { partial: Some(("partial_rotary_factor", 0.5)), ..Spelling::USUAL };

fn config(f: &Fields<'_>) -> Result<DecoderConfig, EngineError> {
    let mut c = gated(f, &DEFAULTS)?;
    c.names = NAMES;
    (c.norm, c.norm_eps) = (NormKind::Layer, f.number_or("layer_norm_eps", 1e-5)?);
    (c.residual, c.mlp) = (Residual::ParallelOneNorm, MlpForm::Plain);
    (c.qkv_bias, c.output_bias, c.mlp_bias) = (true, true, true);
    c.head_bias = !c.tied_head;
    c.ropes = vec![rope(f, &mut c, &SPELLING)?];
    Ok(c)
}
