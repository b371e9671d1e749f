//! Batched generation with a key and value cache.

mod beginning;
mod config;
mod sample;
mod soft;

use burn::tensor::{Int, Tensor, TensorData};
use serde_json::Value;

pub use beginning::Begun;
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

/// Answers, and what they took.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Generated {
    /// One answer for each prompt.
    pub answers: Vec<Generation>,
    /// Tokens that went through the decoder, padding included.
    pub forward_tokens: usize,
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

/// Answers to `prompts`, all at once. `tell` sees each new token as it comes: the row and its tokens so far.
///
/// # Errors
/// When a prompt is empty or longer than the model's context, or the tokens cannot be turned into text.
pub fn generate(
    model: &LanguageModel,
    prompts: &[Vec<u32>],
    options: &Options,
    tell: impl FnMut(usize, &[u32]),
) -> Result<Generated, EngineError> {
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
    tell: impl FnMut(usize, &[u32]),
) -> Result<Generated, EngineError> {
    check(model, prompts)?;
    let width = prompts.iter().map(Vec::len).max().unwrap_or(0);
    // Free places may be anywhere.
    let shared = match soft {
        None => beginning::shared(model.decoder.config(), prompts, width + options.max_new_tokens),
        Some(_) => 0,
    };
    let unseen: Vec<Vec<bool>> = prompts.iter().map(|p| unseen(p, (width, shared), options.hidden)).collect();
    let mut start = Start { unseen, shared, forward_tokens: shared, ..Start::default() };
    if let Some(first) = start.unseen.first().filter(|_| shared > 0) {
        let cache = beginning::read(model, &model.parameters.frozen(), &prompts[0][..shared], &first[..shared]);
        start.cache = cache.select(&indices(vec![0; prompts.len()], model.parameters.device()));
    }
    write(model, (prompts, soft), start, options, tell)
}

/// Answers to prompts that were read, all at once.
///
/// # Errors
/// When a prompt is longer than the model's context, or the tokens cannot be turned into text.
pub fn go_on(model: &LanguageModel, begun: &[Begun], options: &Options) -> Result<Generated, EngineError> {
    let prompts: Vec<Vec<u32>> = begun.iter().map(|b| b.prompt.clone()).collect();
    check(model, &prompts)?;
    let width = prompts.iter().map(Vec::len).max().unwrap_or(0);
    let start = Start {
        cache: Cache::beside(&begun.iter().map(|b| b.cache.clone()).collect::<Vec<_>>()),
        unseen: begun.iter().map(|b| unseen(&b.prompt, (width, 0), b.hidden)).collect(),
        logits: Some(begun.iter().flat_map(|b| b.logits.iter().copied()).collect()),
        ..Start::default()
    };
    write(model, (&prompts, None), start, options, |_, _| ())
}

/// A row that is still being written.
struct Open {
    row: usize,
    /// Of what all prompts begin with, its padding, the rest of its prompt and what was written.
    unseen: Vec<bool>,
    rng: rand_chacha::ChaCha8Rng,
}

impl Open {
    /// Its tokens from `past` on, padding after the first `shared`.
    fn input(&self, prompt: &[u32], written: &[u32], (shared, past): (usize, usize)) -> Vec<i64> {
        let padding = self.unseen.len() - prompt.len() - written.len();
        let ids = |ids: &[u32]| ids.iter().map(|&id| i64::from(id)).collect::<Vec<_>>();
        let (first, rest) = prompt.split_at(shared);
        [ids(first), vec![0; padding], ids(rest), ids(written)].concat().split_off(past)
    }
}

/// What was done before the first token is written.
#[derive(Default)]
struct Start {
    /// Keys and values of the prompts' first tokens, or of all of them.
    cache: Cache,
    /// Of each row, which of its prompt's tokens no other sees; padding stands after the first `shared`.
    unseen: Vec<Vec<bool>>,
    shared: usize,
    /// The scores of each row's first token, when whole prompts are in the cache.
    logits: Option<Vec<f32>>,
    forward_tokens: usize,
}

/// Changes where rotary frequencies change as the row grows.
fn regime_of(model: &LanguageModel, unseen: &[bool]) -> usize {
    let length = unseen.iter().filter(|u| !**u).count();
    model.decoder.config().ropes.iter().map(|rope| rope.regime(length)).max().unwrap_or(0)
}

fn write(
    model: &LanguageModel,
    (prompts, soft): (&[Vec<u32>], Option<&Soft<'_>>),
    start: Start,
    options: &Options,
    mut tell: impl FnMut(usize, &[u32]),
) -> Result<Generated, EngineError> {
    let (weights, device) = (model.parameters.frozen().writing(), model.parameters.device());
    let ends = end_tokens(model);
    let width = start.unseen.first().map_or(0, Vec::len);
    let room = model.decoder.config().context.saturating_sub(width);
    let mut done = vec![Generation::default(); prompts.len()];
    let Start { mut cache, unseen, shared, logits: mut begun, mut forward_tokens } = start;
    let open = unseen.into_iter().enumerate();
    let mut open: Vec<Open> =
        open.map(|(row, unseen)| Open { row, unseen, rng: sample::stream(options.seed, row) }).collect();
    let mut regime: Vec<usize> = open.iter().map(|o| regime_of(model, &o.unseen)).collect();
    for _ in 0..options.max_new_tokens.min(room) {
        let logits = match begun.take() {
            Some(logits) => logits,
            None => {
                let unseen: Vec<Vec<bool>> = open.iter().map(|o| o.unseen.clone()).collect();
                // Where frequencies change with a row's length, what is in the cache was turned by other angles.
                let now: Vec<usize> = unseen.iter().map(|row| regime_of(model, row)).collect();
                if now != regime {
                    (cache, regime) = (Cache::default(), now);
                }
                let past = (shared, cache.len());
                let input = open.iter().flat_map(|o| o.input(&prompts[o.row], &done[o.row].ids, past));
                let data = TensorData::new(input.collect::<Vec<i64>>(), [open.len(), unseen[0].len() - cache.len()]);
                let tokens: Tensor<2, Int> = Tensor::from_data(data, device);
                let mut vectors = model.decoder.vectors(&weights, tokens);
                if let Some(soft) = soft {
                    let rows: Vec<(usize, usize)> =
                        open.iter().map(|o| (o.row, width - prompts[o.row].len())).collect();
                    vectors = soft.fill(vectors, &rows, cache.len());
                }
                let pass = model.decoder.pass_after(&unseen, cache.len(), device);
                let hidden = model.decoder.extend_vectors(&weights, vectors, &pass, &mut cache);
                let [rows, n, d] = hidden.dims();
                forward_tokens += rows * n;
                let last: Tensor<2> = hidden.narrow(1, n - 1, 1).reshape([rows, d]);
                values(model.decoder.logits(&weights, last))
            }
        };
        let vocabulary = logits.len() / open.len();
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
    Ok(Generated { answers: done, forward_tokens })
}

/// The padding after a prompt's first `shared` tokens, and the hidden token in it.
fn unseen(prompt: &[u32], (width, shared): (usize, usize), hidden: Option<u32>) -> Vec<bool> {
    let of = |ids: &[u32]| ids.iter().map(|&id| Some(id) == hidden).collect::<Vec<_>>();
    let (first, rest) = prompt.split_at(shared);
    [of(first), vec![true; width - prompt.len()], of(rest)].concat()
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
