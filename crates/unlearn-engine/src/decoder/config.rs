//! The switches of the one decoder. A family fills them in from its `config.json`.

use super::{Names, Rope};

/// What a norm computes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum NormKind {
    /// Root mean square, times the weight (Zhang and Sennrich, 2019).
    Rms,
    /// Root mean square, times one plus the weight (Gemma).
    RmsPlusOne,
    /// Mean and variance, with weight and bias (Ba et al., 2016).
    Layer,
}

/// Where a block's norms stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NormPlace {
    /// Before attention and before the feed-forward network.
    Before,
    /// After each of them, before it is added to the stream (OLMo 2).
    After,
    /// Before and after (Gemma 2).
    Around,
}

/// How attention and the feed-forward network are put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Residual {
    /// One after the other.
    Sequential,
    /// Side by side, each behind its own norm (GPT-NeoX).
    Parallel,
    /// Side by side behind one norm (Phi).
    ParallelOneNorm,
}

/// How queries, keys and values lie in the weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QkvLayout {
    /// Three projections.
    Separate,
    /// One: all queries, all keys, all values.
    Stacked,
    /// One: query, key and value of the first head, of the second head, … (GPT-NeoX).
    ByHead,
}

/// What is normed of queries and keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueryKeyNorm {
    /// Nothing.
    None,
    /// Each head (Qwen 3, Gemma 3).
    Head,
    /// All heads together (OLMo 2).
    Whole,
}

/// The feed-forward network's form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MlpForm {
    /// `down(act(gate(x)) · up(x))`
    Gated,
    /// The same, with gate and up in one projection, gate first.
    GatedStacked,
    /// `down(act(up(x)))`
    Plain,
}

/// The non-linearity of the feed-forward network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// `x · sigmoid(x)`
    Silu,
    /// `x · Φ(x)`
    Gelu,
    /// Its approximation by a hyperbolic tangent.
    GeluTanh,
}

/// What tells one layer's attention from another's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LayerKind {
    /// A token sees itself and those before it, so many in all; all of them when `None`.
    pub window: Option<usize>,
    /// Which of [`DecoderConfig::ropes`] it uses.
    pub rope: usize,
}

/// Everything that tells one decoder from another.
#[derive(Debug, Clone, PartialEq)]
pub struct DecoderConfig {
    /// Tokens that have an embedding.
    pub vocab_size: usize,
    /// Width of the residual stream.
    pub hidden_size: usize,
    /// Width inside the feed-forward network.
    pub intermediate_size: usize,
    /// Each block's kind of attention; as many as there are blocks.
    pub layers: Vec<LayerKind>,
    /// Query heads.
    pub heads: usize,
    /// Key and value heads; each serves `heads / kv_heads` query heads.
    pub kv_heads: usize,
    /// Width of one head.
    pub head_dim: usize,
    /// Longest row.
    pub context: usize,
    /// What norms compute.
    pub norm: NormKind,
    /// Added under their root.
    pub norm_eps: f64,
    /// Where they stand.
    pub norm_place: NormPlace,
    /// How a block's halves are put together.
    pub residual: Residual,
    /// Rotary embeddings that layers choose from; none where positions are learned.
    pub ropes: Vec<Rope>,
    /// Positions that have a learned embedding; 0 where positions are rotary.
    pub learned_positions: usize,
    /// How queries, keys and values lie in the weights.
    pub qkv: QkvLayout,
    /// What is normed of queries and keys.
    pub query_key_norm: QueryKeyNorm,
    /// What scores are multiplied by.
    pub attention_scale: f64,
    /// Scores are squeezed below it by a hyperbolic tangent.
    pub attention_cap: Option<f64>,
    /// The same for the scores over the vocabulary.
    pub logit_cap: Option<f64>,
    /// Whether the query, key and value projections have biases.
    pub qkv_bias: bool,
    /// Whether the output projection of attention has a bias.
    pub output_bias: bool,
    /// The feed-forward network's form.
    pub mlp: MlpForm,
    /// Its non-linearity.
    pub activation: Activation,
    /// Whether its projections have biases.
    pub mlp_bias: bool,
    /// What embeddings are multiplied by.
    pub embedding_scale: Option<f64>,
    /// Whether the head is the embedding.
    pub tied_head: bool,
    /// Whether the head has a bias.
    pub head_bias: bool,
    /// Whether linear layers are stored `[in, out]` (GPT-2's `Conv1D`).
    pub conv1d: bool,
    /// What the parameters are called.
    pub names: Names,
}

impl DecoderConfig {
    /// Whether a token's place means another thing in a longer row: rows of other lengths have nothing in common then.
    #[must_use]
    pub fn depends_on_length(&self) -> bool {
        self.ropes.iter().any(Rope::depends_on_length)
    }

    /// Floating-point operations of one token's forward pass: 2 for each weight that it meets.
    #[must_use]
    pub fn flops_per_token(&self, parameters: usize) -> f64 {
        let embedding = self.vocab_size * self.hidden_size;
        let met = if self.tied_head { parameters } else { parameters.saturating_sub(embedding) };
        2.0 * met as f64
    }
}
