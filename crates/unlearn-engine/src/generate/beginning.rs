//! What all prompts begin with: a system's text, or all of it when one question is answered many times.

use burn::tensor::{Int, Tensor, TensorData};

use crate::decoder::{Cache, DecoderConfig};
use crate::{LanguageModel, Weights};

/// A prompt that was read: an answer can be generated after it.
#[derive(Debug, Clone)]
pub struct Begun {
    pub(super) prompt: Vec<u32>,
    pub(super) hidden: Option<u32>,
    /// Its keys and values, in one row.
    pub(super) cache: Cache,
    /// The scores of what comes after it.
    pub(super) logits: Vec<f32>,
}

impl Begun {
    pub(crate) fn new(prompt: &[u32], hidden: Option<u32>, cache: Cache, logits: Vec<f32>) -> Self {
        Self { prompt: prompt.to_vec(), hidden, cache, logits }
    }

    /// Its tokens.
    #[must_use]
    pub fn prompt(&self) -> &[u32] {
        &self.prompt
    }
}

/// A shared beginning shorter than this is not worth a pass of its own.
const WORTH: usize = 4;

/// How many first tokens prompts share that are read once for all; none where that would change what comes after: rows
/// of up to `longest` tokens are then padded in their middle, which a window would count, and frequencies may change
/// with a row's length.
pub(super) fn shared(config: &DecoderConfig, prompts: &[Vec<u32>], longest: usize) -> usize {
    let [first, rest @ ..] = prompts else { return 0 };
    let windowed = config.layers.iter().any(|kind| kind.window.is_some_and(|w| w < longest));
    if rest.is_empty() || windowed || config.depends_on_length() {
        return 0;
    }
    let same = |p: &Vec<u32>| first.iter().zip(p).take_while(|(a, b)| a == b).count().min(p.len() - 1);
    let shared = rest.iter().map(same).fold(first.len() - 1, usize::min);
    if shared < WORTH { 0 } else { shared }
}

/// The keys and values of a beginning, of whose tokens `unseen` tells which no other sees: one row.
pub(super) fn read(model: &LanguageModel, weights: &Weights, ids: &[u32], unseen: &[bool]) -> Cache {
    let mut cache = Cache::default();
    let values: Vec<i64> = ids.iter().map(|&id| i64::from(id)).collect();
    let tokens: Tensor<2, Int> = Tensor::from_data(TensorData::new(values, [1, ids.len()]), model.parameters.device());
    let pass = model.decoder.pass_after(&[unseen.to_vec()], 0, model.parameters.device());
    let _ = model.decoder.extend_by(weights, tokens, &pass, &mut cache);
    cache
}
