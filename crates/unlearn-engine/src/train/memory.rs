//! What training takes of memory: an estimate from shapes, before anything is read.

use unlearn_core::recipe::{AdapterKind, Averaging, Bytes, Curvature, Frozen, Optimizer, Smoothing, TrainSection};
use unlearn_data::TokenRow;

use super::Selection;
use super::optimizer::state_values;
use crate::decoder::{MlpForm, Spec};
use crate::{Decoder, DecoderConfig, EngineError};

/// The program, its tokenizer and its data, in bytes.
const PROGRAM: f64 = 80e6;
/// Rows of scores over the vocabulary that exist at once for a supervised token.
const LOGIT_COPIES: f64 = 3.0;
/// Copies of the gradient of a trained embedding or output matrix that exist at once: as the tape has it, transposed,
/// and on its way to the sum.
const GRADIENT_COPIES: f64 = 3.0;

/// Embeddings give rows, and a matrix is unpacked in parts of so many bytes.
const UNPACKED_PART: f64 = 64e6;

/// What is known of the rows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RowSizes {
    /// Tokens of the longest.
    pub longest: usize,
    /// The largest share of a row's tokens that is supervised.
    pub supervised: f64,
}

impl RowSizes {
    /// Of rows.
    #[must_use]
    pub fn of<'a>(rows: impl Iterator<Item = &'a TokenRow>) -> Self {
        rows.fold(Self { longest: 1, supervised: 0.0 }, |s, row| Self {
            longest: s.longest.max(row.ids.len()),
            supervised: s.supervised.max(row.supervised() as f64 / row.ids.len().max(1) as f64),
        })
    }
}

/// Bytes that a training run takes. The counts of what a graph keeps were set by measuring peaks (docs/results.md).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Memory {
    /// Weights in memory, frozen ones as they are kept.
    pub weights: f64,
    /// Gradients, the optimiser's state and copies of what is trained.
    pub training: f64,
    /// What is unpacked at a time of frozen weights that are kept packed.
    pub unpacked: f64,
    /// For each token of a micro-batch: what is kept for the way back.
    pub per_token: f64,
}

impl Memory {
    /// The estimate for a decoder whose frozen matrices, kept in their own format, take `own_bytes` for each value.
    #[must_use]
    pub fn of(decoder: &Decoder, selection: &Selection, train: &TrainSection, own_bytes: f64, rows: RowSizes) -> Self {
        let (specs, c) = (decoder.specs(), decoder.config());
        let kept = |spec: &Spec| match train.frozen {
            _ if !spec.is_matrix() => 4.0,
            Frozen::Own => own_bytes,
            Frozen::F32 => 4.0,
            Frozen::F16 | Frozen::Bf16 => 2.0,
            Frozen::Q8 => 1.0625,
        };
        let (mut weights, mut trained, mut outside) = (0.0, 0.0, 0.0f64);
        let mut unpacked = 0.0f64;
        for (spec, &is_trained) in specs.iter().zip(&selection.trained) {
            let n = spec.len() as f64;
            weights += n * if is_trained { 4.0 } else { kept(spec) };
            if is_trained {
                trained += n;
                if spec.layer.is_none() {
                    outside = outside.max(n);
                }
            }
            if !is_trained && kept(spec) < 4.0 {
                unpacked = unpacked.max((4.0 * n).min(UNPACKED_PART));
            }
        }
        let rank = if train.adapter == AdapterKind::Lora { train.lora.rank as f64 } else { 0.0 };
        let adapters: f64 =
            selection.adapted.iter().map(|&i| (specs[i].shape[0] + specs[i].shape[1]) as f64 * rank).sum();
        (weights, trained) = (weights + 4.0 * adapters, trained + adapters);
        let places = (0..specs.len()).filter(|&i| selection.trained[i] || selection.adapted.contains(&i));
        let first = places.filter_map(|i| specs[i].first_layer()).min().unwrap_or(c.layers.len());
        let graphs = (c.layers.len() - first).max(1) as f64;
        let training = trained * 4.0 * copies(train) + 4.0 * GRADIENT_COPIES * outside;
        let block = block_values(c) * 4.0;
        let width = 4.0 * c.hidden_size as f64;
        let blocks = if train.gradient_checkpointing { block + graphs * width } else { graphs * block };
        let logits = LOGIT_COPIES * 4.0 * c.vocab_size as f64 * rows.supervised;
        Self { weights, training, unpacked, per_token: blocks + 4.0 * width + logits }
    }

    /// Bytes with `tokens` in a micro-batch.
    #[must_use]
    pub fn total(&self, tokens: usize) -> f64 {
        PROGRAM + self.weights + self.training + self.unpacked + self.per_token * tokens as f64
    }

    /// The largest micro-batch that stays within `bytes`; `None` when not even the weights do.
    #[must_use]
    pub fn tokens_within(&self, bytes: f64) -> Option<usize> {
        let left = bytes - self.total(0);
        (left > 0.0).then(|| (left / self.per_token) as usize)
    }
}

/// Numbers that exist at once for each value that is trained, besides itself: its gradient, the optimiser's state, its
/// average, and what a step takes for other places or the curvature.
fn copies(train: &TrainSection) -> f64 {
    // A moved copy of the weights, and a gradient there beside the first; `sam` lets go of the first before.
    let smoothing = match train.smooth.kind {
        Smoothing::None => 0u8,
        Smoothing::Sam | Smoothing::Random => 1,
        Smoothing::GradientPenalty => 2,
    };
    // Beside the step's own gradient.
    let curvature = match (train.optimizer, train.sophia.curvature) {
        (Optimizer::Sophia, Curvature::Gnb) => 1,
        (Optimizer::Sophia, Curvature::Hutchinson) => 3,
        _ => 0,
    };
    let average = f64::from(u8::from(train.average.kind != Averaging::None));
    1.0 + state_values(train) + average + f64::from(smoothing.max(curvature))
}

/// Numbers that a block's graph keeps of one token.
fn block_values(c: &DecoderConfig) -> f64 {
    let (width, inside) = (c.hidden_size as f64, c.intermediate_size as f64);
    let (queries, kv) = ((c.heads * c.head_dim) as f64, (c.kv_heads * c.head_dim) as f64);
    let mlp = match c.mlp {
        MlpForm::Gated | MlpForm::GatedStacked => 3.0,
        MlpForm::Plain => 4.0,
    };
    5.0 * width + mlp * inside + 3.0 * queries + 4.0 * kv
}

/// Lowers `micro_tokens`, then sets `gradient_checkpointing`, until the run stays within `max_memory`; what is left of
/// it bounds the cache of a frozen prefix.
///
/// # Errors
/// When the longest row does not fit even so.
pub fn fit(
    decoder: &Decoder,
    train: &TrainSection,
    own_bytes: f64,
    rows: RowSizes,
) -> Result<TrainSection, EngineError> {
    let Some(limit) = train.max_memory.map(|b| b.0 as f64) else { return Ok(train.clone()) };
    let selection = Selection::new(train, decoder)?;
    let mut least = f64::MAX;
    for checkpointing in [train.gradient_checkpointing, true] {
        let tried = TrainSection { gradient_checkpointing: checkpointing, ..train.clone() };
        let memory = Memory::of(decoder, &selection, &tried, own_bytes, rows);
        least = least.min(memory.total(rows.longest));
        if let Some(tokens) = memory.tokens_within(limit).filter(|t| *t >= rows.longest) {
            let micro_tokens = train.micro_tokens.min(tokens);
            let left = (limit - memory.total(micro_tokens)).max(0.0) as u64;
            let prefix_cache = Bytes(train.prefix_cache.0.min(left));
            return Ok(TrainSection { micro_tokens, prefix_cache, ..tried });
        }
    }
    let reason = format!("the run needs about {:.1} GB, and may take {:.1} GB", least / 1e9, limit / 1e9);
    let hint = match (train.adapter, train.frozen) {
        (AdapterKind::None, _) => "train adapters instead: `--adapter lora`",
        (_, Frozen::Q8) => "allow more memory, or shorten the rows",
        _ => "keep frozen weights in 8 bits: `--set train.frozen=q8`",
    };
    Err(EngineError::selection("train.max_memory", reason, hint.to_owned()))
}
