//! `qwen2`: Qwen 2 and 2.5, Llama with biases on queries, keys and values.

use serde_json::{Value, json};

use super::llama::OUTSIDE;
use super::model::{Model, merged};
use super::{Architecture, Rotary, decimal, rope};
use crate::gguf::{Bias, GgufError, Names, Part, Size};

pub(super) static ARCHITECTURE: Architecture = Architecture {
    names: Names {
        architecture: "qwen2",
        model_types: &["qwen2"],
        layers: "model.layers",
        outside: &OUTSIDE,
        layer: &[
            Part::norm("attn_norm", "input_layernorm"),
            Part::matrix("attn_q", "self_attn.q_proj", Size::Queries, Size::Hidden).bias(Bias::Yes),
            Part::matrix("attn_k", "self_attn.k_proj", Size::Keys, Size::Hidden).bias(Bias::Yes),
            Part::matrix("attn_v", "self_attn.v_proj", Size::Keys, Size::Hidden).bias(Bias::Yes),
            Part::matrix("attn_output", "self_attn.o_proj", Size::Hidden, Size::Queries),
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
        "rms_norm_eps": model.epsilon("attention.layer_norm_rms_epsilon")?,
        "rope_theta": decimal(model.theta()?),
        "rope_scaling": rope::scaling(model)?,
        "use_sliding_window": false,
    });
    model.config("Qwen2ForCausalLM", "qwen2", merged(own, model.unusual_head_dim()))
}
