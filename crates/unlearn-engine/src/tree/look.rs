//! Looking at rows tree by tree.

use burn::tensor::{Int, Tensor, TensorData};
use unlearn_data::TokenRow;

use super::Tree;
use super::spread::read;
use crate::batch::{pack, plan};
use crate::decoder::{Cache, Pass};
use crate::generate::Begun;
use crate::tensor::{indices, values};
use crate::{LanguageModel, Weights};

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
    look_and_begin(model, groups, budget, done, &mut |_, _| ())
}

/// As [`look`]; and `begun` is handed each group, by its place, with the prompt that its first row begins with, read,
/// so that an answer can be generated after it. None is handed over where frequencies change with a row's length, or a
/// token of the prompt is hidden: where generation counts positions, it does not count that.
#[must_use]
pub fn look_and_begin(
    model: &LanguageModel,
    groups: &[Vec<TokenRow>],
    budget: usize,
    done: &mut dyn FnMut(usize),
    begun: &mut dyn FnMut(usize, Begun),
) -> Sight {
    let (weights, config) = (model.parameters.frozen(), model.decoder.config());
    // Where frequencies change with a row's length, rows of other lengths have nothing in common.
    let apart = config.depends_on_length();
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
    let passes = if apart { plan(&lengths, budget).into_iter().map(each).collect() } else { pack(&lengths, budget) };
    for rows in passes {
        let forests: Vec<Tree> =
            rows.iter().map(|row| Tree::beside(&row.iter().map(|&t| &trees[t]).collect::<Vec<_>>())).collect();
        let width = forests.iter().map(Tree::len).max().unwrap_or(0).max(1);
        let (states, cache) = forward(model, &weights, &forests, width, &beginning);
        sight.forward_tokens += width * forests.len();
        // The label of a token is asked for where the token before it stands.
        let mut asked: Vec<(usize, i64)> = Vec::new();
        let mut wanted: Vec<(usize, usize, std::ops::Range<usize>)> = Vec::new();
        for (at, members) in rows.iter().enumerate() {
            let mut offset = 0;
            for &member in members {
                let (tree, (g, first)) = (&trees[member], owners[member]);
                let place = |path: &[usize], t: usize| at * width + offset + path[t - skip];
                for (r, path) in tree.paths.iter().enumerate() {
                    let row = &groups[g][first + r];
                    let from = asked.len();
                    let supervised = (skip + 1..row.ids.len()).filter(|&t| row.labels[t] >= 0);
                    asked.extend(supervised.map(|t| (place(path, t - 1), row.labels[t])));
                    wanted.push((g, first + r, from..asked.len()));
                }
                let asks = groups[g].first().filter(|row| !apart && goes_on(row, skip));
                if let (Some(row), Some(path)) = (asks, tree.paths.first()) {
                    let nodes = path[..row.prompt().len() - skip].iter().map(|node| offset + node);
                    let prompt = Read { row: at, nodes: nodes.collect(), states: &states, width, cache: &cache };
                    begun(g, prompt.begun(model, &weights, row, skip));
                }
                offset += tree.len();
                left[g] -= 1;
                finished += usize::from(left[g] == 0);
            }
        }
        let seen = read(&model.decoder, &weights, states, &asked);
        for (g, r, range) in wanted {
            sight.groups[g][r] = seen[range].to_vec();
        }
        done(finished);
    }
    sight
}

/// Whether an answer can be generated after a row's prompt as it stands here.
fn goes_on(row: &TokenRow, skip: usize) -> bool {
    row.prompt().len() > skip && !row.hidden.is_some_and(|hidden| row.prompt().contains(&hidden))
}

/// Each tree in a row of its own.
fn each(trees: Vec<usize>) -> Vec<Vec<usize>> {
    trees.into_iter().map(|tree| vec![tree]).collect()
}

/// Where a prompt was read: the row of its pass, its nodes there, and what the pass left.
struct Read<'a> {
    row: usize,
    nodes: Vec<usize>,
    states: &'a Tensor<2>,
    width: usize,
    cache: &'a Cache,
}

impl Read<'_> {
    fn begun(self, model: &LanguageModel, weights: &Weights, row: &TokenRow, skip: usize) -> Begun {
        let device = self.states.device();
        let last = self.nodes.last().map_or(0, |node| self.row * self.width + node);
        let state = self.states.clone().select(0, indices(vec![last as i64], &device));
        let places = (0..skip).chain(self.nodes.iter().map(|node| skip + node)).map(|place| place as i64).collect();
        let cache = self.cache.of_row(self.row, &indices(places, &device));
        Begun::new(row.prompt(), row.hidden, cache, values(model.decoder.logits(weights, state)))
    }
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

/// Final states `[trees * width, d]`, and the keys and values of the beginning and of the nodes.
pub(crate) fn forward(
    model: &LanguageModel,
    weights: &Weights,
    trees: &[Tree],
    width: usize,
    (cache, unseen): &(Cache, Vec<bool>),
) -> (Tensor<2>, Cache) {
    let (decoder, device) = (&model.decoder, model.parameters.device());
    let mut ids = vec![0i64; trees.len() * width];
    for (at, tree) in trees.iter().enumerate() {
        for (n, &id) in tree.tokens.iter().enumerate() {
            ids[at * width + n] = i64::from(id);
        }
    }
    let tokens: Tensor<2, Int> = Tensor::from_data(TensorData::new(ids, [trees.len(), width]), device);
    let pass = Pass::trees(decoder.config(), &trees.iter().collect::<Vec<_>>(), (width, unseen), device);
    let rows = vec![0i64; trees.len()];
    let mut cache = if cache.is_empty() { Cache::default() } else { cache.select(&indices(rows, device)) };
    let states = decoder.extend_by(weights, tokens, &pass, &mut cache);
    let d = states.dims()[2];
    (states.reshape([trees.len() * width, d]), cache)
}
