//! Llama 2, 3, 3.1, 3.2 and what copies them (SmolLM2, TinyLlama, …).

use super::Family;
use super::json::Fields;
use crate::EngineError;
use crate::decoder::{DecoderConfig, Rope, RopeScaling};

pub(super) const FAMILY: Family = Family {
    name: "llama",
    summary: "Llama 2 and 3.x, SmolLM2, TinyLlama: grouped keys, rotary positions (llama3 scaling), SwiGLU, RMSNorm",
    config,
};

/// The decoder is laid out before the weights are looked at: a count beyond this would only fill the memory.
const MOST_LAYERS: usize = 4096;

fn config(f: &Fields<'_>) -> Result<DecoderConfig, EngineError> {
    f.only("hidden_act", &["silu", "swish"])?;
    let (hidden_size, heads) = (f.size("hidden_size")?, f.size("num_attention_heads")?);
    let kv_heads = f.size_or("num_key_value_heads", heads)?;
    if heads % kv_heads != 0 {
        return Err(f.bad("num_key_value_heads", format!("is {kv_heads}, which does not divide {heads} query heads")));
    }
    let head_dim = f.size_or("head_dim", hidden_size / heads)?;
    if head_dim == 0 || head_dim % 2 != 0 {
        return Err(f.bad("head_dim", format!("is {head_dim}; rotary positions need an even width")));
    }
    let layers = f.size("num_hidden_layers")?;
    if layers > MOST_LAYERS {
        return Err(f.bad("num_hidden_layers", format!("is {layers}, more than any model has")));
    }
    let bias = f.switch("attention_bias")?;
    Ok(DecoderConfig {
        vocab_size: f.size("vocab_size")?,
        hidden_size,
        intermediate_size: f.size("intermediate_size")?,
        layers,
        heads,
        kv_heads,
        head_dim,
        context: f.size_or("max_position_embeddings", 2048)?,
        norm_eps: f.number("rms_norm_eps")?.unwrap_or(1e-6),
        rope: rope(f)?,
        tied_head: f.switch("tie_word_embeddings")?,
        qkv_bias: bias,
        output_bias: bias,
        mlp_bias: f.switch("mlp_bias")?,
    })
}

/// Both spellings: `rope_parameters` (with its own `rope_theta`), and `rope_theta` beside `rope_scaling`.
fn rope(f: &Fields<'_>) -> Result<Rope, EngineError> {
    let (field, inner) = match (f.object("rope_parameters")?, f.object("rope_scaling")?) {
        (Some(p), _) => ("rope_parameters", Some(p)),
        (None, s) => ("rope_scaling", s),
    };
    let mut theta = f.number("rope_theta")?;
    let mut scaling = RopeScaling::None;
    if let Some(s) = inner {
        theta = s.number("rope_theta")?.or(theta);
        let kind = s.text("rope_type").or_else(|_| s.text("type"))?;
        scaling = match kind {
            "default" => RopeScaling::None,
            "llama3" => RopeScaling::Llama3 {
                factor: s.need_number("factor")?,
                low_freq_factor: s.need_number("low_freq_factor")?,
                high_freq_factor: s.need_number("high_freq_factor")?,
                original_max_position_embeddings: s.need_number("original_max_position_embeddings")?,
            },
            other => return Err(f.bad(field, format!("asks for `{other}`, and this decoder knows default, llama3"))),
        };
    }
    Ok(Rope { theta: theta.unwrap_or(1e4), scaling })
}
