//! `phi2`: Phi 1, 1.5 and 2, with one norm for both parts of a layer and biases everywhere.

use serde_json::{Value, json};

use super::model::Model;
use super::{Architecture, Rotary, decimal, rope};
use crate::gguf::{Bias, GgufError, Names, Part, Size};

pub(super) static ARCHITECTURE: Architecture = Architecture {
    names: Names {
        architecture: "phi2",
        model_types: &["phi"],
        layers: "model.layers",
        outside: &[
            Part::matrix("token_embd", "model.embed_tokens", Size::Vocabulary, Size::Hidden),
            Part::norm("output_norm", "model.final_layernorm").bias(Bias::Yes),
            Part::matrix("output", "lm_head", Size::Vocabulary, Size::Hidden).bias(Bias::Yes),
        ],
        layer: &[
            Part::norm("attn_norm", "input_layernorm").bias(Bias::Yes),
            Part::matrix("attn_q", "self_attn.q_proj", Size::Queries, Size::Hidden).bias(Bias::Yes),
            Part::matrix("attn_k", "self_attn.k_proj", Size::Keys, Size::Hidden).bias(Bias::Yes),
            Part::matrix("attn_v", "self_attn.v_proj", Size::Keys, Size::Hidden).bias(Bias::Yes),
            Part::matrix("attn_output", "self_attn.dense", Size::Hidden, Size::Queries).bias(Bias::Yes),
            Part::matrix("ffn_up", "mlp.fc1", Size::Intermediate, Size::Hidden).bias(Bias::Yes),
            Part::matrix("ffn_down", "mlp.fc2", Size::Hidden, Size::Intermediate).bias(Bias::Yes),
        ],
        computed: &[],
    },
    rotary: Rotary::Part,
    understood: &[],
    config,
};

fn config(model: &Model<'_>) -> Result<Value, GgufError> {
    model.refuse_unusual_head_dim()?;
    let own = json!({
        "hidden_act": "gelu_new",
        "qk_layernorm": false,
        "layer_norm_eps": model.epsilon("attention.layer_norm_epsilon")?,
        "partial_rotary_factor": model.rotated_share(),
        "rope_theta": decimal(model.theta()?),
        "rope_scaling": rope::scaling(model)?,
    });
    model.config("PhiForCausalLM", "phi", own)
}
