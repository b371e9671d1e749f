//! GPT-2.

use super::common::{activation, layers};
use super::{Family, json::Fields};
use crate::EngineError;
use crate::decoder::{
    Activation, DecoderConfig, LayerKind, MlpForm, Names, NormKind, NormPlace, QkvLayout, QueryKeyNorm, Residual,
};

/// The family.
pub const FAMILY: Family =
    Family { name: "gpt2", summary: "GPT-2, DistilGPT-2: learned positions, LayerNorm, Conv1D weights", config };

const NAMES: Names = Names {
    embedding: "transformer.wte",
    positions: "transformer.wpe",
    layers: "transformer.h",
    norm: "transformer.ln_f",
    qkv: "attn.c_attn",
    attention_output: "attn.c_proj",
    up: "mlp.c_fc",
    down: "mlp.c_proj",
    attention_norm: "ln_1",
    mlp_norm: "ln_2",
    ..Names::LLAMA
};

fn config(f: &Fields<'_>) -> Result<DecoderConfig, EngineError> {
    let (hidden_size, heads) = (f.size("n_embd")?, f.size("n_head")?);
    if !hidden_size.is_multiple_of(heads) {
        return Err(f.bad("n_head", format!("is {heads}, which does not divide a width of {hidden_size}")));
    }
    let (head_dim, positions) = (hidden_size / heads, f.size_or("n_positions", 1024)?);
    let scaled = f.switch_or("scale_attn_weights", true)?;
    Ok(DecoderConfig {
        vocab_size: f.size("vocab_size")?,
        hidden_size,
        intermediate_size: f.size_or("n_inner", 4 * hidden_size)?,
        layers: vec![LayerKind::default(); layers(f, "n_layer")?],
        heads,
        kv_heads: heads,
        head_dim,
        context: positions,
        norm: NormKind::Layer,
        norm_eps: f.number_or("layer_norm_epsilon", 1e-5)?,
        norm_place: NormPlace::Before,
        residual: Residual::Sequential,
        ropes: Vec::new(),
        learned_positions: positions,
        qkv: QkvLayout::Stacked,
        query_key_norm: QueryKeyNorm::None,
        attention_scale: if scaled { (head_dim as f64).powf(-0.5) } else { 1.0 },
        attention_cap: None,
        logit_cap: None,
        qkv_bias: true,
        output_bias: true,
        mlp: MlpForm::Plain,
        activation: activation(f, "activation_function", Activation::GeluTanh)?,
        mlp_bias: true,
        embedding_scale: None,
        tied_head: f.switch_or("tie_word_embeddings", true)?,
        head_bias: false,
        conv1d: true,
        names: NAMES,
    })
}
