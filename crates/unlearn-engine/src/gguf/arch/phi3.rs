//! `phi3`: Phi 3, 3.5 and 4 (not the mixtures), with queries, keys and values in one matrix, gate and up in another.

use serde_json::{Value, json};

use super::llama::OUTSIDE;
use super::model::{Model, merged};
use super::{Architecture, Rotary, decimal, rope, window};
use crate::gguf::{GgufError, Names, Part, Size};

pub(super) static ARCHITECTURE: Architecture = Architecture {
    names: Names {
        architecture: "phi3",
        model_types: &["phi3"],
        layers: "model.layers",
        outside: &OUTSIDE,
        layer: &[
            Part::norm("attn_norm", "input_layernorm"),
            Part::matrix("attn_qkv", "self_attn.qkv_proj", Size::Fused, Size::Hidden),
            Part::matrix("attn_output", "self_attn.o_proj", Size::Hidden, Size::Queries),
            Part::norm("ffn_norm", "post_attention_layernorm"),
            Part::matrix("ffn_up", "mlp.gate_up_proj", Size::GateAndUp, Size::Hidden),
            Part::matrix("ffn_down", "mlp.down_proj", Size::Hidden, Size::Intermediate),
        ],
        computed: &[rope::LONG_FACTORS, rope::SHORT_FACTORS],
    },
    rotary: Rotary::Part,
    understood: &[window::WINDOW, rope::ATTENTION_FACTOR],
    config,
};

fn config(model: &Model<'_>) -> Result<Value, GgufError> {
    let original = model.keys.size_unless_zero(rope::ORIGINAL_CONTEXT)?.unwrap_or(model.sizes.context);
    let scaling = match rope::by_length(model, original)? {
        Value::Null => rope::scaling(model)?,
        scaling => scaling,
    };
    let own = json!({
        "hidden_act": "silu",
        "rms_norm_eps": model.epsilon("attention.layer_norm_rms_epsilon")?,
        "sliding_window": model.keys.size_unless_zero(window::WINDOW)?,
        "original_max_position_embeddings": original,
        "partial_rotary_factor": model.rotated_share(),
        "rope_theta": decimal(model.theta()?),
        "rope_scaling": scaling,
    });
    model.config("Phi3ForCausalLM", "phi3", merged(own, model.unusual_head_dim()))
}
