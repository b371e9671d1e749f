//! `llama`: Llama, SmolLM2, Mistral and others with the same decoder.

use serde_json::{Value, json};

use super::model::{Model, merged};
use super::{Architecture, Rotary, decimal, rope};
use crate::gguf::{Bias, Form, GgufError, Names, Part, Size};

const WINDOW: &str = "attention.sliding_window";

pub(super) static ARCHITECTURE: Architecture = Architecture {
    names: Names {
        architecture: "llama",
        model_types: &["llama", "mistral"],
        layers: "model.layers",
        outside: &OUTSIDE,
        layer: &[
            Part::norm("attn_norm", "input_layernorm"),
            Part::matrix("attn_q", "self_attn.q_proj", Size::Queries, Size::Hidden)
                .form(Form::PairedRows)
                .bias(Bias::Attention),
            Part::matrix("attn_k", "self_attn.k_proj", Size::Keys, Size::Hidden)
                .form(Form::PairedRows)
                .bias(Bias::Attention),
            Part::matrix("attn_v", "self_attn.v_proj", Size::Keys, Size::Hidden).bias(Bias::Attention),
            Part::matrix("attn_output", "self_attn.o_proj", Size::Hidden, Size::Queries).bias(Bias::Attention),
            Part::norm("ffn_norm", "post_attention_layernorm"),
            Part::matrix("ffn_gate", "mlp.gate_proj", Size::Intermediate, Size::Hidden).bias(Bias::Mlp),
            Part::matrix("ffn_up", "mlp.up_proj", Size::Intermediate, Size::Hidden).bias(Bias::Mlp),
            Part::matrix("ffn_down", "mlp.down_proj", Size::Hidden, Size::Intermediate).bias(Bias::Mlp),
        ],
        computed: &[rope::DIVISORS],
    },
    rotary: Rotary::Whole,
    understood: &[WINDOW],
    config,
};

/// Embedding, last norm and head, as most architectures name them.
pub(super) const OUTSIDE: [Part; 3] = [
    Part::matrix("token_embd", "model.embed_tokens", Size::Vocabulary, Size::Hidden),
    Part::norm("output_norm", "model.norm"),
    Part::matrix("output", "lm_head", Size::Vocabulary, Size::Hidden).optional(),
];

/// A window makes it a Mistral: Llama's configuration has none.
fn config(model: &Model<'_>) -> Result<Value, GgufError> {
    let (attention_bias, mlp_bias) = (model.has_bias(Bias::Attention), model.has_bias(Bias::Mlp));
    let common = json!({
        "hidden_act": "silu",
        "head_dim": model.sizes.head_dim,
        "rms_norm_eps": model.epsilon("attention.layer_norm_rms_epsilon")?,
        "rope_theta": decimal(model.theta()?),
        "rope_scaling": rope::scaling(model)?,
    });
    match model.keys.size_unless_zero(WINDOW)? {
        None => {
            let own = json!({"attention_bias": attention_bias, "mlp_bias": mlp_bias});
            model.config("LlamaForCausalLM", "llama", merged(common, own))
        }
        Some(_) if attention_bias || mlp_bias => {
            model.keys.conflict(WINDOW, "no model has both a window and biases".to_owned())
        }
        Some(window) => {
            let own = json!({"sliding_window": window});
            model.config("MistralForCausalLM", "mistral", merged(common, own))
        }
    }
}
