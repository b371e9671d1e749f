//! Batched generation with a key and value cache.

mod sample;

use burn::tensor::{Int, Tensor, TensorData};
use serde_json::Value;

pub use sample::Sampling;

use crate::decoder::Cache;
use crate::tensor::{indices, values};
use crate::{EngineError, LanguageModel};

/// How to generate.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Options {
    /// Longest answer.
    pub max_new_tokens: usize,
    /// How the next token is chosen.
    pub sampling: Sampling,
    /// An answer ends before the first of these texts.
    pub stop: Vec<String>,
    /// The seed of sampling.
    pub seed: u64,
    /// A token that attention does not see, wherever it stands in a prompt (see `chat.hide_pad_token`).
    pub hidden: Option<u32>,
}

/// One answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Generation {
    /// The new tokens, the end token left out.
    pub ids: Vec<u32>,
    /// Their text, cut at the first stop text.
    pub text: String,
}

/// Tokens that end an answer: those of `generation_config.json`, of `config.json`, and the tokenizer's own.
#[must_use]
pub fn end_tokens(model: &LanguageModel) -> Vec<u32> {
    let generation = model.source.companions.get("generation_config.json");
    let generation: Value = generation.and_then(|b| serde_json::from_slice(b).ok()).unwrap_or(Value::Null);
    let listed = |v: &Value| -> Vec<u32> {
        let one = |v: &Value| v.as_u64().and_then(|id| u32::try_from(id).ok());
        v.as_array().map_or_else(|| one(v).into_iter().collect(), |a| a.iter().filter_map(one).collect())
    };
    let mut ids = listed(&generation["eos_token_id"]);
    ids.extend(listed(&model.source.config["eos_token_id"]));
    ids.extend(model.tokenizer.as_ref().and_then(|t| t.eos()));
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// A row that is still being written.
struct Open {
    row: usize,
    unseen: Vec<bool>,
    last: u32,
    rng: rand_chacha::ChaCha8Rng,
}

/// Answers to `prompts`, all at once. `tell` sees each new token as it comes: the row and its tokens so far.
///
/// # Errors
/// When a prompt is empty or longer than the model's context, or the tokens cannot be turned into text.
pub fn generate(
    model: &LanguageModel,
    prompts: &[Vec<u32>],
    options: &Options,
    mut tell: impl FnMut(usize, &[u32]),
) -> Result<Vec<Generation>, EngineError> {
    check(model, prompts)?;
    let (weights, device) = (model.parameters.frozen(), model.parameters.device());
    let ends = end_tokens(model);
    let width = prompts.iter().map(Vec::len).max().unwrap_or(0);
    let room = model.decoder.config().context.saturating_sub(width);
    let mut done = vec![Generation::default(); prompts.len()];
    let mut open: Vec<Open> = prompts
        .iter()
        .enumerate()
        .map(|(row, p)| Open {
            row,
            unseen: unseen(p, width, options.hidden),
            last: 0,
            rng: sample::stream(options.seed, row),
        })
        .collect();
    let mut cache = Cache::default();
    let padded = prompts.iter().flat_map(|p| {
        let padding = std::iter::repeat_n(0, width - p.len());
        padding.chain(p.iter().map(|&id| i64::from(id)))
    });
    let mut input: Vec<i64> = padded.collect();
    let mut columns = width;
    for _ in 0..options.max_new_tokens.min(room) {
        let tokens: Tensor<2, Int> = Tensor::from_data(TensorData::new(input, [open.len(), columns]), device);
        let unseen: Vec<Vec<bool>> = open.iter().map(|o| o.unseen.clone()).collect();
        let hidden = model.decoder.extend(&weights, tokens, &unseen, &mut cache);
        let [rows, n, d] = hidden.dims();
        let last: Tensor<2> = hidden.narrow(1, n - 1, 1).reshape([rows, d]);
        let logits = values(model.decoder.logits(&weights, last));
        let vocabulary = logits.len() / rows;
        let mut keep = Vec::new();
        for (i, o) in open.iter_mut().enumerate() {
            o.unseen.push(false);
            o.last = options.sampling.choose(&logits[i * vocabulary..(i + 1) * vocabulary], &mut o.rng);
            if ends.contains(&o.last) {
                continue;
            }
            let written = &mut done[o.row];
            written.ids.push(o.last);
            tell(o.row, &written.ids);
            if !stopped(model, written, &options.stop)? {
                keep.push(i);
            }
        }
        if keep.is_empty() {
            break;
        }
        if keep.len() < open.len() {
            cache = cache.select(&indices(keep.iter().map(|&i| i as i64).collect(), device));
            let mut i = 0;
            open.retain(|_| {
                i += 1;
                keep.contains(&(i - 1))
            });
        }
        input = open.iter().map(|o| i64::from(o.last)).collect();
        columns = 1;
    }
    for written in &mut done {
        finish(model, written, &options.stop)?;
    }
    Ok(done)
}

/// The padding at a prompt's left, and the hidden token in it.
fn unseen(prompt: &[u32], width: usize, hidden: Option<u32>) -> Vec<bool> {
    let padding = std::iter::repeat_n(true, width - prompt.len());
    padding.chain(prompt.iter().map(|&id| Some(id) == hidden)).collect()
}

fn check(model: &LanguageModel, prompts: &[Vec<u32>]) -> Result<(), EngineError> {
    let context = model.decoder.config().context;
    for (i, p) in prompts.iter().enumerate() {
        if p.is_empty() || p.len() >= context {
            return Err(EngineError::TooLong { path: "prompt".into(), line: i + 1, length: p.len(), context });
        }
    }
    Ok(())
}

fn stopped(model: &LanguageModel, written: &Generation, stop: &[String]) -> Result<bool, EngineError> {
    if stop.is_empty() {
        return Ok(false);
    }
    let text = decode(model, &written.ids)?;
    Ok(stop.iter().any(|s| text.contains(s)))
}

fn finish(model: &LanguageModel, written: &mut Generation, stop: &[String]) -> Result<(), EngineError> {
    written.text = decode(model, &written.ids)?;
    if let Some(at) = stop.iter().filter_map(|s| written.text.find(s)).min() {
        written.text.truncate(at);
    }
    Ok(())
}

fn decode(model: &LanguageModel, ids: &[u32]) -> Result<String, EngineError> {
    Ok(model.tokenizer.as_ref().map_or(Ok(String::new()), |t| t.decode(ids))?)
}
