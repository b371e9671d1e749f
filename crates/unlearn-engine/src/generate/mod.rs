//! Batched generation with a key and value cache.

mod config;
mod sample;
mod soft;

use burn::tensor::{Int, Tensor, TensorData};
use serde_json::Value;

pub use config::sampling;
pub use sample::Sampling;
pub use soft::Soft;

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
    let generation = config::generation_config(model);
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
    /// Of its padding, its prompt and what was written.
    unseen: Vec<bool>,
    rng: rand_chacha::ChaCha8Rng,
}

impl Open {
    /// Its tokens from `past` on, padding at its left.
    fn input(&self, prompt: &[u32], written: &[u32], past: usize) -> Vec<i64> {
        let padding = self.unseen.len() - prompt.len() - written.len();
        let ids = prompt.iter().chain(written).map(|&id| i64::from(id));
        std::iter::repeat_n(0, padding).chain(ids).skip(past).collect()
    }
}

/// Changes where rotary frequencies change as the row grows.
fn regime_of(model: &LanguageModel, unseen: &[bool]) -> usize {
    let length = unseen.iter().filter(|u| !**u).count();
    model.decoder.config().ropes.iter().map(|rope| rope.regime(length)).max().unwrap_or(0)
}

/// Answers to `prompts`, all at once. `tell` sees each new token as it comes: the row and its tokens so far.
///
/// # Errors
/// When a prompt is empty or longer than the model's context, or the tokens cannot be turned into text.
pub fn generate(
    model: &LanguageModel,
    prompts: &[Vec<u32>],
    options: &Options,
    tell: impl FnMut(usize, &[u32]),
) -> Result<Vec<Generation>, EngineError> {
    generate_behind(model, prompts, None, options, tell)
}

/// [`generate`], with vectors in place of some of the prompts' tokens.
///
/// # Errors
/// As [`generate`].
///
/// # Panics
/// When the vectors are not as many as each prompt's free places.
pub fn generate_behind(
    model: &LanguageModel,
    prompts: &[Vec<u32>],
    soft: Option<&Soft<'_>>,
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
        .map(|(row, p)| Open { row, unseen: unseen(p, width, options.hidden), rng: sample::stream(options.seed, row) })
        .collect();
    let mut cache = Cache::default();
    let mut regime = Vec::new();
    for _ in 0..options.max_new_tokens.min(room) {
        let unseen: Vec<Vec<bool>> = open.iter().map(|o| o.unseen.clone()).collect();
        // Where frequencies change with a row's length, what is in the cache was turned by other angles.
        let now: Vec<usize> = unseen.iter().map(|row| regime_of(model, row)).collect();
        if now != regime {
            (cache, regime) = (Cache::default(), now);
        }
        let input = open.iter().flat_map(|o| o.input(&prompts[o.row], &done[o.row].ids, cache.len()));
        let data = TensorData::new(input.collect::<Vec<i64>>(), [open.len(), unseen[0].len() - cache.len()]);
        let tokens: Tensor<2, Int> = Tensor::from_data(data, device);
        let mut vectors = model.decoder.vectors(&weights, tokens);
        if let Some(soft) = soft {
            let rows: Vec<(usize, usize)> = open.iter().map(|o| (o.row, width - prompts[o.row].len())).collect();
            vectors = soft.fill(vectors, &rows, cache.len());
        }
        let pass = model.decoder.pass_after(&unseen, cache.len(), device);
        let hidden = model.decoder.extend_vectors(&weights, vectors, &pass, &mut cache);
        let [rows, n, d] = hidden.dims();
        let last: Tensor<2> = hidden.narrow(1, n - 1, 1).reshape([rows, d]);
        let logits = values(model.decoder.logits(&weights, last));
        let vocabulary = logits.len() / rows;
        let mut keep = Vec::new();
        for (i, o) in open.iter_mut().enumerate() {
            o.unseen.push(false);
            let written = &mut done[o.row];
            let so_far = prompts[o.row].iter().chain(&written.ids).copied();
            let scores = &logits[i * vocabulary..(i + 1) * vocabulary];
            let token = options.sampling.choose(scores, so_far, &mut o.rng);
            if ends.contains(&token) {
                continue;
            }
            written.ids.push(token);
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
            regime = keep.iter().map(|&i| regime[i]).collect();
            let mut i = 0;
            open.retain(|_| {
                i += 1;
                keep.contains(&(i - 1))
            });
        }
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
