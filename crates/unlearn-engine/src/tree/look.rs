//! Looking at rows tree by tree.

use burn::tensor::{Int, Tensor, TensorData};
use rayon::prelude::*;
use unlearn_data::TokenRow;

use super::Tree;
use crate::batch::plan;
use crate::decoder::{Cache, Pass};
use crate::likelihood::LOGITS_AT_ONCE;
use crate::tensor::{indices, values};
use crate::{Decoder, LanguageModel, Weights};

/// What a model makes of one token, given those before it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Seen {
    /// Its log-probability, in nats.
    pub log_prob: f32,
    /// Whether no other token is more likely.
    pub greedy: bool,
    /// The expected log-probability of the next token: minus the entropy, in nats.
    pub expected: f32,
    /// The standard deviation of the next token's log-probability.
    pub deviation: f32,
}

/// What was seen of rows, and what it took.
#[derive(Debug, Clone, Default)]
pub struct Sight {
    /// Of every group, of every row, of every supervised token.
    pub groups: Vec<Vec<Vec<Seen>>>,
    /// Tokens that went through the decoder, padding included.
    pub forward_tokens: usize,
}

/// A shared beginning shorter than this is not worth a pass of its own.
const WORTH: usize = 4;

/// Looks at the supervised tokens of groups of rows; the rows of a group share what they can, and all share their
/// common beginning. `budget` bounds the tokens in one pass; `done` is told how many groups are finished.
#[must_use]
pub fn look(model: &LanguageModel, groups: &[Vec<TokenRow>], budget: usize, done: &mut dyn FnMut(usize)) -> Sight {
    let (weights, config) = (model.parameters.frozen(), model.decoder.config());
    // Where frequencies change with a row's length, rows of other lengths have nothing in common.
    let apart = config.ropes.iter().any(crate::decoder::Rope::depends_on_length);
    let (mut trees, mut owners): (Vec<Tree>, Vec<(usize, usize)>) = (Vec::new(), Vec::new());
    let skip = if apart { 0 } else { common(groups) };
    for (g, group) in groups.iter().enumerate() {
        if apart {
            trees.extend(group.iter().map(|row| Tree::of(&[row], 0)));
            owners.extend((0..group.len()).map(|r| (g, r)));
        } else {
            trees.push(Tree::of(&group.iter().collect::<Vec<_>>(), skip));
            owners.push((g, 0));
        }
    }
    let mut sight =
        Sight { groups: groups.iter().map(|g| g.iter().map(|_| Vec::new()).collect()).collect(), forward_tokens: skip };
    let beginning = beginning(model, &weights, groups, skip);
    let lengths: Vec<usize> = trees.iter().map(Tree::len).collect();
    let mut left: Vec<usize> = groups.iter().map(|g| if apart { g.len() } else { 1 }).collect();
    let mut finished = left.iter().filter(|&&n| n == 0).count();
    for members in plan(&lengths, budget) {
        let chosen: Vec<&Tree> = members.iter().map(|&t| &trees[t]).collect();
        let width = chosen.iter().map(|t| t.len()).max().unwrap_or(0).max(1);
        let states = forward(model, &weights, &chosen, width, &beginning);
        sight.forward_tokens += width * chosen.len();
        // The label of a token is asked for where the token before it stands.
        let mut asked: Vec<(usize, i64)> = Vec::new();
        let mut wanted: Vec<(usize, usize, std::ops::Range<usize>)> = Vec::new();
        for (at, (&member, tree)) in members.iter().zip(&chosen).enumerate() {
            let (g, first) = owners[member];
            for (r, path) in tree.paths.iter().enumerate() {
                let row = &groups[g][first + r];
                let from = asked.len();
                for t in (skip + 1).max(1)..row.ids.len() {
                    if row.labels[t] >= 0 {
                        asked.push((at * width + path[t - 1 - skip], row.labels[t]));
                    }
                }
                wanted.push((g, first + r, from..asked.len()));
            }
        }
        let seen = read(&model.decoder, &weights, states, &asked);
        for (g, r, range) in wanted {
            sight.groups[g][r] = seen[range].to_vec();
        }
        for &member in &members {
            let (g, _) = owners[member];
            left[g] -= 1;
            finished += usize::from(left[g] == 0);
        }
        done(finished);
    }
    sight
}

/// How many tokens all rows begin with before anything is predicted; 0 where it is not worth a pass of its own.
fn common(groups: &[Vec<TokenRow>]) -> usize {
    let mut rows = groups.iter().flatten();
    let Some(first) = rows.next() else { return 0 };
    let prompt = |row: &TokenRow| row.prompt().len().min(row.ids.len().saturating_sub(1)).saturating_sub(1);
    let start = prompt(first);
    let shared = rows.fold(start, |n, row| {
        let same = first.ids.iter().zip(&row.ids).take_while(|(a, b)| a == b).count();
        n.min(same).min(prompt(row))
    });
    if shared < WORTH || groups.len() < 2 { 0 } else { shared }
}

/// The keys and values of what all rows begin with, and which of its tokens no other sees.
fn beginning(model: &LanguageModel, weights: &Weights, groups: &[Vec<TokenRow>], n: usize) -> (Cache, Vec<bool>) {
    let mut cache = Cache::default();
    let Some(row) = groups.iter().flatten().next().filter(|_| n > 0) else { return (cache, Vec::new()) };
    let ids: Vec<i64> = row.ids[..n].iter().map(|&id| i64::from(id)).collect();
    let tokens: Tensor<2, Int> = Tensor::from_data(TensorData::new(ids, [1, n]), model.parameters.device());
    let unseen: Vec<bool> = row.ids[..n].iter().map(|&id| Some(id) == row.hidden).collect();
    let tree = Tree::of(&[row], 0);
    let pass = Pass::trees(model.decoder.config(), &[&tree], (n, &[]), model.parameters.device());
    let _ = model.decoder.extend_by(weights, tokens, &pass, &mut cache);
    (cache, unseen)
}

/// Final states `[trees * width, d]`, after a beginning with its cache and which of its tokens no other sees.
pub(crate) fn forward(
    model: &LanguageModel,
    weights: &Weights,
    trees: &[&Tree],
    width: usize,
    (cache, unseen): &(Cache, Vec<bool>),
) -> Tensor<2> {
    let (decoder, device) = (&model.decoder, model.parameters.device());
    let mut ids = vec![0i64; trees.len() * width];
    for (at, tree) in trees.iter().enumerate() {
        for (n, &id) in tree.tokens.iter().enumerate() {
            ids[at * width + n] = i64::from(id);
        }
    }
    let tokens: Tensor<2, Int> = Tensor::from_data(TensorData::new(ids, [trees.len(), width]), device);
    let pass = Pass::trees(decoder.config(), trees, (width, unseen), device);
    let rows = vec![0i64; trees.len()];
    let mut cache = if cache.is_empty() { Cache::default() } else { cache.select(&indices(rows, device)) };
    let states = decoder.extend_by(weights, tokens, &pass, &mut cache);
    let d = states.dims()[2];
    states.reshape([trees.len() * width, d])
}

/// What is seen at the given states of the given labels. Where several rows ask the same, it is computed once.
pub(crate) fn read(decoder: &Decoder, weights: &Weights, states: Tensor<2>, asked: &[(usize, i64)]) -> Vec<Seen> {
    let mut places: Vec<usize> = asked.iter().map(|a| a.0).collect();
    places.sort_unstable();
    places.dedup();
    let mut order: Vec<usize> = (0..asked.len()).collect();
    order.sort_unstable_by_key(|&i| asked[i].0);
    let vocabulary = decoder.config().vocab_size;
    let part = (LOGITS_AT_ONCE / vocabulary).max(1);
    let device = states.device();
    let nothing = Seen { log_prob: 0.0, greedy: false, expected: 0.0, deviation: 0.0 };
    let mut seen = vec![nothing; asked.len()];
    let mut next = 0;
    for chunk in places.chunks(part) {
        let at = indices(chunk.iter().map(|&p| p as i64).collect(), &device);
        let logits = values(decoder.logits(weights, states.clone().select(0, at)));
        let rows: Vec<Spread> = logits.par_chunks(vocabulary).map(Spread::of).collect();
        for (k, &place) in chunk.iter().enumerate() {
            while let Some(&i) = order.get(next).filter(|&&i| asked[i].0 == place) {
                seen[i] = rows[k].at(&logits[k * vocabulary..(k + 1) * vocabulary], asked[i].1 as usize);
                next += 1;
            }
        }
    }
    seen
}

/// One distribution over the vocabulary.
struct Spread {
    best: usize,
    log_norm: f64,
    expected: f64,
    deviation: f64,
}

impl Spread {
    fn of(logits: &[f32]) -> Self {
        let (mut best, mut top) = (0, f32::NEG_INFINITY);
        for (i, &x) in logits.iter().enumerate() {
            if x > top {
                (best, top) = (i, x);
            }
        }
        let (mut sum, mut first, mut second) = (0.0f64, 0.0f64, 0.0f64);
        for &x in logits {
            let below = x - top;
            let weight = f64::from(below.exp());
            let below = f64::from(below);
            // An impossible token adds nothing, and not 0 * infinity.
            if weight > 0.0 || weight.is_nan() {
                sum += weight;
                first += weight * below;
                second += weight * below * below;
            }
        }
        let mean = first / sum;
        let variance = (second / sum - mean * mean).max(0.0);
        Self { best, log_norm: f64::from(top) + sum.ln(), expected: mean - sum.ln(), deviation: variance.sqrt() }
    }

    fn at(&self, logits: &[f32], label: usize) -> Seen {
        Seen {
            log_prob: (f64::from(logits[label]) - self.log_norm) as f32,
            greedy: self.best == label,
            expected: self.expected as f32,
            deviation: self.deviation as f32,
        }
    }
}
