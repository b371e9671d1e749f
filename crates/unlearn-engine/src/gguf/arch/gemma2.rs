//! `gemma2`: Gemma 2, with norms around each part, capped logits and a window in every other layer.

use serde_json::{Value, json};

use super::gemma::{DOWN, GATE, KEYS, OUTPUT, OUTSIDE, QUERIES, UP, VALUES, norm};
use super::model::Model;
use super::{Architecture, Rotary, decimal, rope, window};
use crate::gguf::{GgufError, Names};

/// What llama.cpp takes where a file does not say: the values of the published models.
const ATTENTION_CAP: f32 = 50.0;
const FINAL_CAP: f32 = 30.0;
const WINDOW: usize = 4096;
/// Every other layer looks back without a limit.
const PERIOD: usize = 2;
/// The largest model scales queries by its width per head, not by the width of a head; files do not say.
const LAYERS_OF_27B: usize = 46;

pub(super) static ARCHITECTURE: Architecture = Architecture {
    names: Names {
        architecture: "gemma2",
        model_types: &["gemma2"],
        layers: "model.layers",
        outside: &OUTSIDE,
        layer: &[
            norm("attn_norm", "input_layernorm"),
            QUERIES,
            KEYS,
            VALUES,
            OUTPUT,
            norm("post_attention_norm", "post_attention_layernorm"),
            norm("ffn_norm", "pre_feedforward_layernorm"),
            GATE,
            UP,
            DOWN,
            norm("post_ffw_norm", "post_feedforward_layernorm"),
        ],
        computed: &[],
    },
    rotary: Rotary::Whole,
    understood: &[
        "attn_logit_softcapping",
        "final_logit_softcapping",
        "attention.sliding_window",
        "attention.sliding_window_pattern",
    ],
    config,
};

fn config(model: &Model<'_>) -> Result<Value, GgufError> {
    let keys = &model.keys;
    let cap = |name, usual| Ok::<_, GgufError>(decimal(keys.number_if_there(name)?.unwrap_or(usual)));
    let layers = window::layers(model, PERIOD)?;
    if layers.iter().enumerate().any(|(layer, slides)| *slides == (layer % PERIOD == PERIOD - 1)) {
        return keys
            .conflict(window::PATTERN, "a Gemma 2 has a window in every other layer, from the first on".to_owned());
    }
    let own = json!({
        "hidden_act": "gelu_pytorch_tanh",
        "hidden_activation": "gelu_pytorch_tanh",
        "head_dim": model.sizes.head_dim,
        "query_pre_attn_scalar": query_scalar(model, LAYERS_OF_27B),
        "attn_logit_softcapping": cap("attn_logit_softcapping", ATTENTION_CAP)?,
        "final_logit_softcapping": cap("final_logit_softcapping", FINAL_CAP)?,
        "sliding_window": keys.size_unless_zero(window::WINDOW)?.unwrap_or(WINDOW),
        "attention_bias": false,
        "rms_norm_eps": model.epsilon("attention.layer_norm_rms_epsilon")?,
        "rope_theta": decimal(model.theta()?),
        "rope_scaling": rope::scaling(model)?,
    });
    model.config("Gemma2ForCausalLM", "gemma2", own)
}

/// `query_pre_attn_scalar`, whose inverse root scales the queries.
pub(super) fn query_scalar(model: &Model<'_>, layers_of_27b: usize) -> usize {
    let sizes = &model.sizes;
    if sizes.layers == layers_of_27b { sizes.hidden / sizes.heads } else { sizes.head_dim }
}
