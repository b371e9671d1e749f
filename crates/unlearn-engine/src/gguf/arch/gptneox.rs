//! `gptneox`: GPT-NeoX and Pythia. The file does not name the activation; that of Pythia is taken, the exact GELU.

use serde_json::{Value, json};

use super::model::Model;
use super::{Architecture, Rotary, decimal, rope};
use crate::gguf::{Bias, Form, GgufError, Metadata, Names, Part, Size};

const PARALLEL: &str = "use_parallel_residual";

pub(super) static ARCHITECTURE: Architecture = Architecture {
    names: Names {
        architecture: "gptneox",
        model_types: &["gpt_neox"],
        layers: "gpt_neox.layers",
        outside: &[
            Part::matrix("token_embd", "gpt_neox.embed_in", Size::Vocabulary, Size::Hidden),
            Part::norm("output_norm", "gpt_neox.final_layer_norm").bias(Bias::Yes),
            Part::matrix("output", "embed_out", Size::Vocabulary, Size::Hidden),
        ],
        layer: &[
            Part::norm("attn_norm", "input_layernorm").bias(Bias::Yes),
            Part::matrix("attn_qkv", "attention.query_key_value", Size::Fused, Size::Hidden)
                .form(Form::FusedByHead)
                .bias(Bias::Yes),
            Part::matrix("attn_output", "attention.dense", Size::Hidden, Size::Queries).bias(Bias::Yes),
            Part::norm("ffn_norm", "post_attention_layernorm").bias(Bias::Yes),
            Part::matrix("ffn_up", "mlp.dense_h_to_4h", Size::Intermediate, Size::Hidden).bias(Bias::Yes),
            Part::matrix("ffn_down", "mlp.dense_4h_to_h", Size::Hidden, Size::Intermediate).bias(Bias::Yes),
        ],
        computed: &[],
    },
    rotary: Rotary::Part,
    understood: &[PARALLEL],
    config,
};

fn config(model: &Model<'_>) -> Result<Value, GgufError> {
    model.refuse_unusual_head_dim()?;
    model.refuse_shared_keys()?;
    let own = json!({
        "hidden_act": "gelu",
        "attention_bias": true,
        "layer_norm_eps": model.epsilon("attention.layer_norm_epsilon")?,
        "use_parallel_residual": Metadata::optional(model.keys.bool(PARALLEL))?.unwrap_or(true),
        "rotary_pct": model.rotated_share(),
        "rotary_emb_base": decimal(model.theta()?),
        "rope_scaling": rope::scaling(model)?,
    });
    let mut config = model.config("GPTNeoXForCausalLM", "gpt_neox", own)?;
    if let Some(fields) = config.as_object_mut() {
        fields.remove("num_key_value_heads");
    }
    Ok(config)
}
