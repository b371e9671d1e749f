//! `qwen3`: Qwen 3, with norms on the queries and keys of each head.

use serde_json::{Value, json};

use super::llama::OUTSIDE;
use super::model::Model;
use super::{Architecture, Rotary, decimal, rope};
use crate::gguf::{Bias, GgufError, Names, Part, Size};

pub(super) static ARCHITECTURE: Architecture = Architecture {
    names: Names {
        architecture: "qwen3",
        model_types: &["qwen3"],
        layers: "model.layers",
        outside: &OUTSIDE,
        layer: &[
            Part::norm("attn_norm", "input_layernorm"),
            Part::matrix("attn_q", "self_attn.q_proj", Size::Queries, Size::Hidden).bias(Bias::Attention),
            Part::norm("attn_q_norm", "self_attn.q_norm").rows(Size::Head),
            Part::matrix("attn_k", "self_attn.k_proj", Size::Keys, Size::Hidden).bias(Bias::Attention),
            Part::norm("attn_k_norm", "self_attn.k_norm").rows(Size::Head),
            Part::matrix("attn_v", "self_attn.v_proj", Size::Keys, Size::Hidden).bias(Bias::Attention),
            Part::matrix("attn_output", "self_attn.o_proj", Size::Hidden, Size::Queries).bias(Bias::Attention),
            Part::norm("ffn_norm", "post_attention_layernorm"),
            Part::matrix("ffn_gate", "mlp.gate_proj", Size::Intermediate, Size::Hidden),
            Part::matrix("ffn_up", "mlp.up_proj", Size::Intermediate, Size::Hidden),
            Part::matrix("ffn_down", "mlp.down_proj", Size::Hidden, Size::Intermediate),
        ],
        computed: &[rope::DIVISORS],
    },
    rotary: Rotary::Whole,
    understood: &[],
    config,
};

fn config(model: &Model<'_>) -> Result<Value, GgufError> {
    let own = json!({
        "hidden_act": "silu",
        "head_dim": model.sizes.head_dim,
        "attention_bias": model.has_bias(Bias::Attention),
        "rms_norm_eps": model.epsilon("attention.layer_norm_rms_epsilon")?,
        "rope_theta": decimal(model.theta()?),
        "rope_scaling": rope::scaling(model)?,
        "use_sliding_window": false,
    });
    model.config("Qwen3ForCausalLM", "qwen3", own)
}
