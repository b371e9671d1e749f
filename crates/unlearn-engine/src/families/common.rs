//! What most families have in common.

use super::json::Fields;
use crate::EngineError;
use crate::decoder::{
    Activation, DecoderConfig, LayerKind, MlpForm, Names, NormKind, NormPlace, QkvLayout, QueryKeyNorm, Residual,
};

/// The decoder is laid out before the weights are looked at: a count beyond this would only fill the memory. Known
/// models have up to 126.
const MOST_LAYERS: usize = 1024;
/// What is computed from sizes stays within their own limit, so that products of two of them can be counted.
const LARGEST: usize = 1 << 31;

/// What a family's configuration class gives to fields that a checkpoint leaves out.
pub struct Defaults {
    /// `num_key_value_heads`; as many as there are query heads when `None`.
    pub kv_heads: Option<usize>,
    /// `head_dim`; `hidden_size / num_attention_heads` when `None`.
    pub head_dim: Option<usize>,
    /// `max_position_embeddings`
    pub context: usize,
    /// `rms_norm_eps`
    pub norm_eps: f64,
    /// `tie_word_embeddings`
    pub tied_head: bool,
    /// The field of the non-linearity, and what it is when left out.
    pub activation: (&'static str, Activation),
}

impl Defaults {
    /// Llama's.
    pub const LLAMA: Self = Self {
        kv_heads: None,
        head_dim: None,
        context: 2048,
        norm_eps: 1e-6,
        tied_head: false,
        activation: ("hidden_act", Activation::Silu),
    };
}

/// A decoder of Llama's form: grouped keys, RMSNorm before each half, a gated feed-forward network, no biases. Rotary
/// positions are for the family to add.
pub fn gated(f: &Fields<'_>, d: &Defaults) -> Result<DecoderConfig, EngineError> {
    let (hidden_size, heads) = (f.size("hidden_size")?, f.size("num_attention_heads")?);
    let kv_heads = f.size_or("num_key_value_heads", d.kv_heads.unwrap_or(heads))?;
    if !heads.is_multiple_of(kv_heads) {
        return Err(f.bad("num_key_value_heads", format!("is {kv_heads}, which does not divide {heads} query heads")));
    }
    let head_dim = head_dim(f, d.head_dim, hidden_size, heads)?;
    Ok(DecoderConfig {
        vocab_size: f.size("vocab_size")?,
        hidden_size,
        intermediate_size: f.size("intermediate_size")?,
        layers: vec![LayerKind::default(); layers(f, "num_hidden_layers")?],
        heads,
        kv_heads,
        head_dim,
        context: f.size_or("max_position_embeddings", d.context)?,
        norm: NormKind::Rms,
        norm_eps: f.number_or("rms_norm_eps", d.norm_eps)?,
        norm_place: NormPlace::Before,
        residual: Residual::Sequential,
        ropes: Vec::new(),
        learned_positions: 0,
        qkv: QkvLayout::Separate,
        query_key_norm: QueryKeyNorm::None,
        attention_scale: (head_dim as f64).powf(-0.5),
        attention_cap: None,
        logit_cap: None,
        qkv_bias: false,
        output_bias: false,
        mlp: MlpForm::Gated,
        activation: activation(f, d.activation.0, d.activation.1)?,
        mlp_bias: false,
        embedding_scale: None,
        tied_head: f.switch_or("tie_word_embeddings", d.tied_head)?,
        head_bias: false,
        conv1d: false,
        names: Names::LLAMA,
    })
}

/// The number of blocks.
pub fn layers(f: &Fields<'_>, field: &str) -> Result<usize, EngineError> {
    match f.size(field)? {
        n if n > MOST_LAYERS => Err(f.bad(field, format!("is {n}, more than any model has"))),
        n => Ok(n),
    }
}

/// Refuses sizes that are each possible and together are not.
pub fn check(f: &Fields<'_>, config: &DecoderConfig) -> Result<(), EngineError> {
    let all_heads = config.heads.saturating_mul(config.head_dim);
    if all_heads > LARGEST {
        let reason = format!("is {}, and {} such heads are wider than any model", config.head_dim, config.heads);
        return Err(f.bad("head_dim", reason));
    }
    if config.context > LARGEST {
        return Err(f.bad("max_position_embeddings", format!("comes to {}, more than any model has", config.context)));
    }
    Ok(())
}

fn head_dim(f: &Fields<'_>, default: Option<usize>, hidden_size: usize, heads: usize) -> Result<usize, EngineError> {
    if !f.has("head_dim") && default.is_none() && !hidden_size.is_multiple_of(heads) {
        return Err(f.bad("num_attention_heads", format!("is {heads}, which does not divide a width of {hidden_size}")));
    }
    f.size_or("head_dim", default.unwrap_or(hidden_size / heads))
}

/// A non-linearity by the names that configurations use.
pub fn activation(f: &Fields<'_>, field: &str, default: Activation) -> Result<Activation, EngineError> {
    if !f.has(field) {
        return Ok(default);
    }
    match f.text(field)? {
        "silu" | "swish" => Ok(Activation::Silu),
        "gelu" => Ok(Activation::Gelu),
        "gelu_new" | "gelu_pytorch_tanh" | "gelu_fast" => Ok(Activation::GeluTanh),
        other => {
            let known = "silu, swish, gelu, gelu_new, gelu_pytorch_tanh, gelu_fast";
            Err(f.bad(field, format!("is `{other}`, and this decoder knows {known}")))
        }
    }
}

/// Gives every layer the window that `layer_types` says, or `sliding(layer)` where it is left out.
pub fn windows(
    f: &Fields<'_>,
    config: &mut DecoderConfig,
    window: Option<usize>,
    sliding: impl Fn(usize) -> bool,
) -> Result<(), EngineError> {
    let types = f.texts("layer_types")?;
    if types.as_ref().is_some_and(|t| t.len() != config.layers.len()) {
        return Err(f.bad("layer_types", format!("does not have one entry for each of {} layers", config.layers.len())));
    }
    for (i, kind) in config.layers.iter_mut().enumerate() {
        let slides = match types.as_ref().map(|t| t[i]) {
            None => sliding(i),
            Some("full_attention") => false,
            Some("sliding_attention") => true,
            Some(other) => {
                let known = "full_attention, sliding_attention";
                return Err(f.bad("layer_types", format!("holds `{other}`, and this decoder knows {known}")));
            }
        };
        if slides {
            kind.window = Some(window.ok_or_else(|| f.bad("sliding_window", "is missing"))?);
        }
    }
    Ok(())
}
