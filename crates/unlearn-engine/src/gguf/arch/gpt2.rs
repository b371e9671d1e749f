//! `gpt2`: GPT-2, with learned positions and transposed matrices.

use serde_json::{Value, json};

use super::model::{Model, merged};
use super::{Architecture, Rotary};
use crate::gguf::{Bias, Form, GgufError, Names, Part, Size};

pub(super) static ARCHITECTURE: Architecture = Architecture {
    names: Names {
        architecture: "gpt2",
        model_types: &["gpt2"],
        layers: "transformer.h",
        outside: &[
            Part::matrix("token_embd", "transformer.wte", Size::Vocabulary, Size::Hidden),
            Part::matrix("position_embd", "transformer.wpe", Size::Context, Size::Hidden),
            Part::norm("output_norm", "transformer.ln_f").bias(Bias::Yes),
            Part::matrix("output", "lm_head", Size::Vocabulary, Size::Hidden).optional(),
        ],
        layer: &[
            Part::norm("attn_norm", "ln_1").bias(Bias::Yes),
            convolution("attn_qkv", "attn.c_attn", Size::Fused, Size::Hidden),
            convolution("attn_output", "attn.c_proj", Size::Hidden, Size::Queries),
            Part::norm("ffn_norm", "ln_2").bias(Bias::Yes),
            convolution("ffn_up", "mlp.c_fc", Size::Intermediate, Size::Hidden),
            convolution("ffn_down", "mlp.c_proj", Size::Hidden, Size::Intermediate),
        ],
        computed: &[],
    },
    rotary: Rotary::None,
    understood: &[],
    config,
};

const fn convolution(file: &'static str, model: &'static str, rows: Size, columns: Size) -> Part {
    Part::matrix(file, model, rows, columns).form(Form::Transposed).bias(Bias::Yes)
}

fn config(model: &Model<'_>) -> Result<Value, GgufError> {
    model.refuse_unusual_head_dim()?;
    model.refuse_shared_keys()?;
    let sizes = &model.sizes;
    let own = json!({
        "architectures": ["GPT2LMHeadModel"],
        "model_type": "gpt2",
        "activation_function": "gelu_new",
        "layer_norm_epsilon": model.epsilon("attention.layer_norm_epsilon")?,
        "n_ctx": sizes.context,
        "n_positions": sizes.context,
        "n_embd": sizes.hidden,
        "n_head": sizes.heads,
        "n_layer": sizes.layers,
        "n_inner": Some(sizes.intermediate).filter(|inner| *inner != 4 * sizes.hidden),
        "scale_attn_weights": true,
        "scale_attn_by_inverse_layer_idx": false,
        "reorder_and_upcast_attn": false,
        "vocab_size": sizes.vocabulary,
    });
    Ok(merged(own, model.ends()?))
}
