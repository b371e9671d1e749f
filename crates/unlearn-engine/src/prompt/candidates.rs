//! The losses of many fillings of one row.

use std::collections::BTreeMap;

use super::Slotted;
use crate::LanguageModel;
use crate::tree::{Seen, Tree, forward, read};

/// What was found of fillings.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Losses {
    /// Mean negative log-likelihood of the supervised tokens of each, in nats.
    pub losses: Vec<f64>,
    /// Whether each supervised token is the most likely one: behind such a filling, greedy generation says the answer.
    pub greedy: Vec<bool>,
    /// What it cost.
    pub forward_tokens: usize,
}

/// The losses of fillings of a row. Most of them are expected to begin as `stem` does, whose tokens go through the
/// decoder once: a filling's own pass begins at the first place where it differs. `budget` bounds the tokens in one pass.
///
/// # Panics
/// When a filling or the stem has not as many tokens as the row has free places.
#[must_use]
pub fn losses(model: &LanguageModel, row: &Slotted, stem: &[u32], fillings: &[Vec<u32>], budget: usize) -> Losses {
    let forward_tokens = cost(model, row, stem, fillings);
    let mut by_start: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (i, filling) in fillings.iter().enumerate() {
        by_start.entry(start(model, row, stem, filling)).or_default().push(i);
    }
    let Some(&furthest) = by_start.keys().last() else { return Losses::default() };
    let (cache, unseen) = row.begun(model, &row.with(stem), furthest);
    let weights = model.parameters.frozen();
    let (labels, places) = row.predictions();
    let mut found = Losses { losses: vec![0.0; fillings.len()], greedy: vec![false; fillings.len()], forward_tokens };
    for (past, members) in by_start {
        let beginning = (cache.first(past), unseen[..past].to_vec());
        let width = row.row().ids.len() - 1 - past;
        // Fillings that differ from the stem at the same place have nothing more in common: each is its own tree.
        for part in members.chunks((budget / width).max(1)) {
            let trees: Vec<Tree> = part.iter().map(|&i| Tree::of(&[&row.with(&fillings[i])], past)).collect();
            let (states, _) = forward(model, &weights, &trees, width, &beginning);
            let place = |at: usize, &p: &i64| at * width + p as usize + row.begun_tokens() - past;
            let asked: Vec<(usize, i64)> = (0..part.len())
                .flat_map(|at| places.iter().zip(&labels).map(move |(p, &label)| (place(at, p), label)))
                .collect();
            let seen = read(&model.decoder, &weights, states, &asked);
            for (&i, seen) in part.iter().zip(seen.chunks(labels.len())) {
                found.losses[i] = -seen.iter().map(|s: &Seen| f64::from(s.log_prob)).sum::<f64>() / seen.len() as f64;
                found.greedy[i] = seen.iter().all(|s| s.greedy);
            }
        }
    }
    found
}

/// Forward tokens that [`losses`] takes.
#[must_use]
pub fn cost(model: &LanguageModel, row: &Slotted, stem: &[u32], fillings: &[Vec<u32>]) -> usize {
    let inputs = row.row().ids.len() - 1;
    let starts: Vec<usize> = fillings.iter().map(|f| start(model, row, stem, f)).collect();
    let stems = starts.iter().max().map_or(0, |furthest| furthest.saturating_sub(row.begun_tokens()));
    stems + starts.iter().map(|start| inputs - start).sum::<usize>()
}

/// Where a filling's own pass begins.
fn start(model: &LanguageModel, row: &Slotted, stem: &[u32], filling: &[u32]) -> usize {
    assert_eq!(stem.len(), filling.len(), "one token for each free place");
    let last = row.slots().last().map_or(0, |slot| slot + 1);
    let differs = stem.iter().zip(filling).position(|(a, b)| a != b);
    row.shared(model, differs.map_or(last, |at| row.slots()[at]))
}
