//! `olmo2`: OLMo 2, with norms behind attention and feed-forward part and over all queries and keys at once.

use serde_json::{Value, json};

use super::llama::OUTSIDE;
use super::model::{Model, merged};
use super::{Architecture, Rotary, decimal, rope};
use crate::gguf::{GgufError, Names, Part, Size};

pub(super) static ARCHITECTURE: Architecture = Architecture {
    names: Names {
        architecture: "olmo2",
        model_types: &["olmo2"],
        layers: "model.layers",
        outside: &OUTSIDE,
        layer: &[
            Part::matrix("attn_q", "self_attn.q_proj", Size::Queries, Size::Hidden),
            Part::norm("attn_q_norm", "self_attn.q_norm").rows(Size::Queries),
            Part::matrix("attn_k", "self_attn.k_proj", Size::Keys, Size::Hidden),
            Part::norm("attn_k_norm", "self_attn.k_norm").rows(Size::Keys),
            Part::matrix("attn_v", "self_attn.v_proj", Size::Keys, Size::Hidden),
            Part::matrix("attn_output", "self_attn.o_proj", Size::Hidden, Size::Queries),
            Part::norm("post_attention_norm", "post_attention_layernorm"),
            Part::matrix("ffn_gate", "mlp.gate_proj", Size::Intermediate, Size::Hidden),
            Part::matrix("ffn_up", "mlp.up_proj", Size::Intermediate, Size::Hidden),
            Part::matrix("ffn_down", "mlp.down_proj", Size::Hidden, Size::Intermediate),
            Part::norm("post_ffw_norm", "post_feedforward_layernorm"),
        ],
        computed: &[],
    },
    rotary: Rotary::Whole,
    understood: &[],
    config,
};

fn config(model: &Model<'_>) -> Result<Value, GgufError> {
    let own = json!({
        "hidden_act": "silu",
        "attention_bias": false,
        "rms_norm_eps": model.epsilon("attention.layer_norm_rms_epsilon")?,
        "rope_theta": decimal(model.theta()?),
        "rope_scaling": rope::scaling(model)?,
    });
    model.config("Olmo2ForCausalLM", "olmo2", merged(own, model.unusual_head_dim()))
}
