//! `gemma3`: the text part of Gemma 3, with norms on queries and keys, and a rotary base of their own for local layers.

use serde_json::{Value, json};

use super::gemma::{DOWN, GATE, KEYS, OUTPUT, OUTSIDE as WITHOUT_HEAD, QUERIES, UP, VALUES, norm};
use super::gemma2::query_scalar;
use super::model::{Model, merged};
use super::{Architecture, Rotary, decimal, rope, window};
use crate::gguf::{GgufError, Names, Part, Size};

/// One layer in so many looks back without a limit, unless the file says otherwise.
const PERIOD: usize = 6;
const LOCAL_BASE: &str = "rope.freq_base_swa";
const USUAL_LOCAL_BASE: f32 = 10_000.0;
const LAYERS_OF_27B: usize = 62;

pub(super) static ARCHITECTURE: Architecture = Architecture {
    names: Names {
        architecture: "gemma3",
        model_types: &["gemma3_text"],
        layers: "model.layers",
        outside: &OUTSIDE,
        layer: &[
            norm("attn_norm", "input_layernorm"),
            QUERIES,
            norm("attn_q_norm", "self_attn.q_norm").rows(Size::Head),
            KEYS,
            norm("attn_k_norm", "self_attn.k_norm").rows(Size::Head),
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
        "final_logit_softcapping",
        LOCAL_BASE,
        "attention.sliding_window",
        "attention.sliding_window_pattern",
    ],
    config,
};

const OUTSIDE: [Part; 3] =
    [WITHOUT_HEAD[0], WITHOUT_HEAD[1], Part::matrix("output", "lm_head", Size::Vocabulary, Size::Hidden).optional()];

fn config(model: &Model<'_>) -> Result<Value, GgufError> {
    let keys = &model.keys;
    let size = keys.size_unless_zero(window::WINDOW)?;
    // A file without a window is of a model all of whose layers are global.
    let slides = match size {
        Some(_) => window::layers(model, PERIOD)?,
        None => vec![false; model.sizes.layers],
    };
    let kind = |slides: &bool| if *slides { "sliding_attention" } else { "full_attention" };
    let own = json!({
        "hidden_activation": "gelu_pytorch_tanh",
        "head_dim": model.sizes.head_dim,
        "query_pre_attn_scalar": query_scalar(model, LAYERS_OF_27B),
        "attn_logit_softcapping": null,
        "final_logit_softcapping": keys.number_if_there("final_logit_softcapping")?.map(decimal),
        "sliding_window": size,
        "layer_types": slides.iter().map(kind).collect::<Vec<_>>(),
        "attention_bias": false,
        "rms_norm_eps": model.epsilon("attention.layer_norm_rms_epsilon")?,
        "rope_theta": decimal(model.theta()?),
        "rope_local_base_freq": decimal(keys.number_if_there(LOCAL_BASE)?.unwrap_or(USUAL_LOCAL_BASE)),
        "rope_scaling": rope::scaling(model)?,
    });
    let period = window::period(&slides).map_or(json!({}), |period| json!({"sliding_window_pattern": period}));
    model.config("Gemma3ForCausalLM", "gemma3_text", merged(own, period))
}
