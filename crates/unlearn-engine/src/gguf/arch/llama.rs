//! `llama`: Llama, SmolLM2, Mistral and others with the same decoder.

use serde_json::{Value, json};

use super::{Architecture, decimal, refused, rope};
use crate::gguf::{Fault, Gguf, GgufError, MetaValue, Metadata, RowOrder, TensorInfo, Weight};

const PREFIX: &str = "llama";
const EMBEDDING: &str = "token_embd.weight";
const OUTPUT: &str = "output.weight";
const DEFAULT_THETA: f32 = 10_000.0;

pub(super) const ARCHITECTURE: Architecture = Architecture { name: PREFIX, config, weights };

/// Settings that change the numbers and that the converted model does not know.
const WITHOUT_COUNTERPART: [&str; 7] = [
    "expert_count",
    "attention.scale",
    "attention.sliding_window",
    "attention.clamp_kqv",
    "logit_scale",
    "residual_scale",
    "embedding_scale",
];

/// A dimension of a weight.
#[derive(Clone, Copy)]
enum Size {
    Vocabulary,
    Hidden,
    Intermediate,
    Queries,
    Keys,
}

/// A linear map or norm: its name in the file, its name in the model, rows, columns (none for a norm).
type Part = (&'static str, &'static str, Size, Option<Size>);

const OUTSIDE: [Part; 3] = [
    ("token_embd", "model.embed_tokens", Size::Vocabulary, Some(Size::Hidden)),
    ("output_norm", "model.norm", Size::Hidden, None),
    ("output", "lm_head", Size::Vocabulary, Some(Size::Hidden)),
];

const LAYER: [Part; 9] = [
    ("attn_norm", "input_layernorm", Size::Hidden, None),
    ("attn_q", "self_attn.q_proj", Size::Queries, Some(Size::Hidden)),
    ("attn_k", "self_attn.k_proj", Size::Keys, Some(Size::Hidden)),
    ("attn_v", "self_attn.v_proj", Size::Keys, Some(Size::Hidden)),
    ("attn_output", "self_attn.o_proj", Size::Hidden, Some(Size::Queries)),
    ("ffn_norm", "post_attention_layernorm", Size::Hidden, None),
    ("ffn_gate", "mlp.gate_proj", Size::Intermediate, Some(Size::Hidden)),
    ("ffn_up", "mlp.up_proj", Size::Intermediate, Some(Size::Hidden)),
    ("ffn_down", "mlp.down_proj", Size::Hidden, Some(Size::Intermediate)),
];

/// Parts that have biases all together or not at all.
const ATTENTION: [&str; 4] = ["attn_q", "attn_k", "attn_v", "attn_output"];
const MLP: [&str; 3] = ["ffn_gate", "ffn_up", "ffn_down"];

struct Sizes {
    vocabulary: usize,
    hidden: usize,
    intermediate: usize,
    layers: usize,
    heads: usize,
    key_heads: usize,
    head_dim: usize,
}

impl Sizes {
    fn read(gguf: &Gguf<'_>) -> Result<Self, GgufError> {
        let metadata = &gguf.metadata;
        let hidden = positive(metadata, "embedding_length")?;
        let heads = positive(metadata, "attention.head_count")?;
        let key_heads = if metadata.get(&key("attention.head_count_kv")).is_some() {
            positive(metadata, "attention.head_count_kv")?
        } else {
            heads
        };
        let embedding = gguf.tensor(EMBEDDING).ok_or_else(|| missing(EMBEDDING))?;
        let sizes = Self {
            vocabulary: embedding.shape.first().copied().unwrap_or_default(),
            hidden,
            intermediate: positive(metadata, "feed_forward_length")?,
            layers: positive(metadata, "block_count")?,
            heads,
            key_heads,
            head_dim: head_dim(metadata, hidden, heads)?,
        };
        if !heads.is_multiple_of(key_heads) {
            let why = format!("{heads} query heads cannot share {key_heads} key heads");
            return Err(refused(&key("attention.head_count_kv"), Fault::Conflict(why)));
        }
        Ok(sizes)
    }

    /// A size, or `None` where it is beyond any tensor's.
    fn of(&self, size: Size) -> Option<usize> {
        match size {
            Size::Vocabulary => Some(self.vocabulary),
            Size::Hidden => Some(self.hidden),
            Size::Intermediate => Some(self.intermediate),
            Size::Queries => self.heads.checked_mul(self.head_dim),
            Size::Keys => self.key_heads.checked_mul(self.head_dim),
        }
    }
}

fn config(gguf: &Gguf<'_>) -> Result<Value, GgufError> {
    let metadata = &gguf.metadata;
    let sizes = Sizes::read(gguf)?;
    refuse_without_counterpart(metadata)?;
    agree_on_vocabulary(metadata, sizes.vocabulary)?;
    let theta = Metadata::optional(finite(metadata, "rope.freq_base"))?.unwrap_or(DEFAULT_THETA);
    let epsilon = finite(metadata, "attention.layer_norm_rms_epsilon")?;
    let token = |name: &str| Metadata::optional(metadata.u32(&format!("tokenizer.ggml.{name}_token_id")));
    Ok(json!({
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_act": "silu",
        "hidden_size": sizes.hidden,
        "intermediate_size": sizes.intermediate,
        "num_hidden_layers": sizes.layers,
        "num_attention_heads": sizes.heads,
        "num_key_value_heads": sizes.key_heads,
        "head_dim": sizes.head_dim,
        "attention_bias": has_bias(gguf, &ATTENTION),
        "mlp_bias": has_bias(gguf, &MLP),
        "rms_norm_eps": decimal(epsilon),
        "rope_theta": decimal(theta),
        "rope_scaling": rope::scaling(gguf, PREFIX, theta, sizes.head_dim)?,
        "max_position_embeddings": positive(metadata, "context_length")?,
        "vocab_size": sizes.vocabulary,
        "tie_word_embeddings": gguf.tensor(OUTPUT).is_none(),
        "bos_token_id": token("bos")?,
        "eos_token_id": token("eos")?,
        "pad_token_id": token("padding")?,
    }))
}

fn weights<'a>(gguf: &Gguf<'a>) -> Result<Vec<Weight<'a>>, GgufError> {
    let sizes = Sizes::read(gguf)?;
    let computed = |tensor: &&TensorInfo<'_>| tensor.name == rope::DIVISORS;
    let weights = gguf.tensors.iter().filter(|tensor| !computed(tensor)).map(|tensor| weight(tensor, &sizes));
    let weights = weights.collect::<Result<Vec<_>, _>>()?;
    refuse_gaps(gguf, sizes.layers)?;
    Ok(weights)
}

fn weight<'a>(tensor: &TensorInfo<'a>, sizes: &Sizes) -> Result<Weight<'a>, GgufError> {
    let unknown = || Fault::Conflict("no such tensor belongs to a llama model".to_owned());
    let (name, part, is_bias) = place(tensor.name, sizes.layers).ok_or_else(|| failed(tensor.name, unknown()))?;
    let (stem, _, rows, columns) = part;
    let columns = if is_bias { None } else { columns };
    let expected: Option<Vec<_>> = [Some(rows), columns].into_iter().flatten().map(|size| sizes.of(size)).collect();
    if expected.as_ref() != Some(&tensor.shape) {
        let expected = expected.map_or("a smaller one".to_owned(), |shape| format!("{shape:?}"));
        return Err(failed(tensor.name, Fault::Shape { found: tensor.shape.clone(), expected }));
    }
    let rotates = matches!(stem, "attn_q" | "attn_k");
    let order = if rotates { RowOrder::Interleaved { head_dim: sizes.head_dim } } else { RowOrder::Same };
    Ok(Weight { name, tensor: tensor.clone(), order })
}

/// The model's name for a tensor, which part it is of, and whether it is that part's bias.
fn place(name: &str, layers: usize) -> Option<(String, Part, bool)> {
    let (path, field) = name.rsplit_once('.')?;
    let (prefix, stem, parts) = match path.strip_prefix("blk.") {
        None => (String::new(), path, &OUTSIDE[..]),
        Some(inside) => {
            let (layer, stem) = inside.split_once('.')?;
            let layer = layer.parse::<usize>().ok().filter(|index| *index < layers && index.to_string() == layer)?;
            (format!("model.layers.{layer}."), stem, &LAYER[..])
        }
    };
    let part = parts.iter().find(|part| part.0 == stem)?;
    let is_linear_in_layer = part.3.is_some() && !prefix.is_empty();
    let is_bias = field == "bias" && is_linear_in_layer;
    (is_bias || field == "weight").then(|| (format!("{prefix}{}.{field}", part.1), *part, is_bias))
}

fn refuse_gaps(gguf: &Gguf<'_>, layers: usize) -> Result<(), GgufError> {
    let outside = OUTSIDE.iter().map(|part| format!("{}.weight", part.0)).filter(|name| name != OUTPUT);
    let biased = [&ATTENTION[..], &MLP].into_iter().filter(|parts| has_bias(gguf, parts)).flatten();
    let biases = biased.map(|stem| format!("{stem}.bias"));
    let needed: Vec<_> = LAYER.iter().map(|part| format!("{}.weight", part.0)).chain(biases).collect();
    let inside = (0..layers).flat_map(|layer| needed.iter().map(move |name| format!("blk.{layer}.{name}")));
    match outside.chain(inside).find(|name| gguf.tensor(name).is_none()) {
        Some(name) => Err(missing(&name)),
        None => Ok(()),
    }
}

fn head_dim(metadata: &Metadata<'_>, hidden: usize, heads: usize) -> Result<usize, GgufError> {
    let stated = |name| Metadata::optional(metadata.size(&key(name)));
    let conflict = |name, why| Err(refused(&key(name), Fault::Conflict(why)));
    let head_dim = match stated("attention.key_length")? {
        Some(length) => length,
        None if hidden.is_multiple_of(heads) => hidden / heads,
        None => return conflict("attention.head_count", format!("{heads} heads do not divide a width of {hidden}")),
    };
    if head_dim == 0 || !head_dim.is_multiple_of(2) {
        return conflict("attention.key_length", format!("heads of width {head_dim} cannot be rotated"));
    }
    for name in ["attention.value_length", "rope.dimension_count"] {
        if let Some(other) = stated(name)?.filter(|other| *other != head_dim) {
            return conflict(name, format!("{other} differs from the head width {head_dim}"));
        }
    }
    Ok(head_dim)
}

fn refuse_without_counterpart(metadata: &Metadata<'_>) -> Result<(), GgufError> {
    let is_set = |name: &str| match metadata.get(&key(name)) {
        None | Some(MetaValue::Unsigned(0) | MetaValue::Signed(0)) => false,
        Some(value) => value != MetaValue::F32(0.0),
    };
    match WITHOUT_COUNTERPART.into_iter().find(|name| is_set(name)) {
        Some(name) => Err(refused(&key(name), Fault::Conflict("the converted model has no such setting".to_owned()))),
        None => Ok(()),
    }
}

fn agree_on_vocabulary(metadata: &Metadata<'_>, rows: usize) -> Result<(), GgufError> {
    match Metadata::optional(metadata.size(&key("vocab_size")))?.filter(|stated| *stated != rows) {
        Some(stated) => {
            let why = format!("{stated} tokens, but `{EMBEDDING}` has {rows} rows");
            Err(refused(&key("vocab_size"), Fault::Conflict(why)))
        }
        None => Ok(()),
    }
}

fn has_bias(gguf: &Gguf<'_>, parts: &[&str]) -> bool {
    let part = |tensor: &TensorInfo<'_>| Some(tensor.name.strip_suffix(".bias")?.rsplit('.').next()?.to_owned());
    gguf.tensors.iter().filter_map(part).any(|part| parts.contains(&part.as_str()))
}

fn positive(metadata: &Metadata<'_>, name: &str) -> Result<usize, GgufError> {
    match metadata.size(&key(name))? {
        0 => Err(refused(&key(name), Fault::Conflict("zero".to_owned()))),
        size => Ok(size),
    }
}

fn finite(metadata: &Metadata<'_>, name: &str) -> Result<f32, GgufError> {
    match metadata.f32(&key(name))? {
        number if number.is_finite() && number > 0.0 => Ok(number),
        number => Err(refused(&key(name), Fault::Conflict(format!("{number} is not a positive number")))),
    }
}

fn key(name: &str) -> String {
    format!("{PREFIX}.{name}")
}

fn missing(tensor: &str) -> GgufError {
    failed(tensor, Fault::Missing)
}

fn failed(tensor: &str, fault: Fault) -> GgufError {
    GgufError::ConvertTensor { tensor: tensor.to_owned(), fault }
}
