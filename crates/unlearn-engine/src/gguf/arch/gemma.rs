//! `gemma`: the first Gemma. Its norms, like those of the later ones, are stored with one added.

use serde_json::{Value, json};

use super::model::Model;
use super::{Architecture, Rotary, decimal, rope};
use crate::gguf::{Form, GgufError, Names, Part, Size};

pub(super) static ARCHITECTURE: Architecture = Architecture {
    names: Names {
        architecture: "gemma",
        model_types: &["gemma"],
        layers: "model.layers",
        outside: &OUTSIDE,
        layer: &[
            norm("attn_norm", "input_layernorm"),
            QUERIES,
            KEYS,
            VALUES,
            OUTPUT,
            norm("ffn_norm", "post_attention_layernorm"),
            GATE,
            UP,
            DOWN,
        ],
        computed: &[],
    },
    rotary: Rotary::Whole,
    understood: &[],
    config,
};

pub(super) const fn norm(file: &'static str, model: &'static str) -> Part {
    Part::norm(file, model).form(Form::PlusOne)
}

/// Embedding, which is the head too, and last norm.
pub(super) const OUTSIDE: [Part; 2] = [
    Part::matrix("token_embd", "model.embed_tokens", Size::Vocabulary, Size::Hidden),
    norm("output_norm", "model.norm"),
];
pub(super) const QUERIES: Part = Part::matrix("attn_q", "self_attn.q_proj", Size::Queries, Size::Hidden);
pub(super) const KEYS: Part = Part::matrix("attn_k", "self_attn.k_proj", Size::Keys, Size::Hidden);
pub(super) const VALUES: Part = Part::matrix("attn_v", "self_attn.v_proj", Size::Keys, Size::Hidden);
pub(super) const OUTPUT: Part = Part::matrix("attn_output", "self_attn.o_proj", Size::Hidden, Size::Queries);
pub(super) const GATE: Part = Part::matrix("ffn_gate", "mlp.gate_proj", Size::Intermediate, Size::Hidden);
pub(super) const UP: Part = Part::matrix("ffn_up", "mlp.up_proj", Size::Intermediate, Size::Hidden);
pub(super) const DOWN: Part = Part::matrix("ffn_down", "mlp.down_proj", Size::Hidden, Size::Intermediate);

fn config(model: &Model<'_>) -> Result<Value, GgufError> {
    let own = json!({
        "hidden_act": "gelu_pytorch_tanh",
        "hidden_activation": "gelu_pytorch_tanh",
        "head_dim": model.sizes.head_dim,
        "attention_bias": false,
        "rms_norm_eps": model.epsilon("attention.layer_norm_rms_epsilon")?,
        "rope_theta": decimal(model.theta()?),
        "rope_scaling": rope::scaling(model)?,
    });
    model.config("GemmaForCausalLM", "gemma", own)
}
