//! Token rows side by side, and how a step is cut into micro-batches.

use std::collections::HashMap;
use std::hash::Hash;

use burn::tensor::{Device, Int, Tensor, TensorData};
use unlearn_data::TokenRow;

use crate::DecoderConfig;
use crate::decoder::Rows;
use crate::tensor::{self, indices};
use crate::tree::Tree;

/// Rows that go through the decoder together, padded on the right or as one tree. A row's last token is no input,
/// nothing is predicted from it, unless states inside the decoder are read there too.
#[derive(Debug, Clone)]
pub struct TokenBatch {
    /// `[rows, tokens]`
    pub tokens: Tensor<2, Int>,
    /// Where the supervised predictions stand in the flattened `[rows * tokens]`.
    pub positions: Tensor<1, Int>,
    /// Where the predicted tokens themselves stand, of rows that reach to the end.
    pub ends: Tensor<1, Int>,
    /// What is to be predicted there.
    pub labels: Tensor<1, Int>,
    /// Supervised tokens of each row, in the order of `labels`.
    pub supervised: Vec<usize>,
    /// How long the rows are, and which of their tokens no other sees.
    pub shape: Rows,
    /// Tokens that are no padding.
    pub token_count: usize,
}

/// Which tokens of a row are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// Those whose label says so.
    Supervised,
    /// All but the first.
    All,
}

impl TokenBatch {
    /// Puts rows side by side.
    #[must_use]
    pub fn new(rows: &[&TokenRow], which: Which, device: &Device) -> Self {
        Self::reaching(rows, which, false, device)
    }

    /// Puts rows side by side, with their last tokens where `to_the_end`.
    #[must_use]
    pub fn reaching(rows: &[&TokenRow], which: Which, to_the_end: bool, device: &Device) -> Self {
        let lengths: Vec<usize> = rows.iter().map(|r| inputs(r, to_the_end)).collect();
        let width = lengths.iter().copied().max().unwrap_or(1).max(1);
        let mut tokens = vec![0i64; rows.len() * width];
        for (r, row) in rows.iter().enumerate() {
            for (t, &id) in row.ids.iter().take(lengths[r]).enumerate() {
                tokens[r * width + t] = i64::from(id);
            }
        }
        let tokens = Tensor::from_data(TensorData::new(tokens, [rows.len(), width]), device);
        let shape = Rows { lengths, unseen: unseen(rows, width), tree: None };
        Self::of(rows, which, (tokens, shape))
    }

    /// Makes one tree of rows, in which what they begin with alike stands once: `[1, nodes]` tokens, without padding.
    /// Not for a decoder whose frequencies change with a row's length.
    #[must_use]
    pub fn tree(rows: &[&TokenRow], which: Which, to_the_end: bool, device: &Device) -> Self {
        let tree = Tree::reaching(rows, 0, to_the_end);
        if tree.is_empty() {
            return Self::reaching(rows, which, to_the_end, device);
        }
        let tokens: Vec<i64> = tree.tokens.iter().map(|&id| i64::from(id)).collect();
        let tokens = Tensor::from_data(TensorData::new(tokens, [1, tree.len()]), device);
        let shape = Rows { tree: Some(tree), ..Rows::default() };
        Self::of(rows, which, (tokens, shape))
    }

    /// The same with each prediction once that rows of a tree share; and of each one as `supervised` counts them, its place
    /// among these.
    #[must_use]
    pub fn distinct(self) -> (Self, Vec<usize>) {
        let asked = tensor::places(self.positions.clone()).into_iter().zip(tensor::places(self.labels.clone()));
        let (firsts, places) = distinct(asked);
        if firsts.len() == places.len() {
            return (self, places);
        }
        let kept = indices(firsts.into_iter().map(|i| i as i64).collect(), &self.tokens.device());
        let [positions, ends, labels] = [self.positions, self.ends, self.labels].map(|all| all.select(0, kept.clone()));
        (Self { positions, ends, labels, ..self }, places)
    }

    /// Where a row's token stands in the flattened tokens.
    pub(crate) fn place(&self, row: usize, token: usize) -> usize {
        place(&self.shape, self.tokens.dims()[1], row, token)
    }

    fn of(rows: &[&TokenRow], which: Which, (tokens, shape): (Tensor<2, Int>, Rows)) -> Self {
        let place = |r, t| place(&shape, tokens.dims()[1], r, t);
        let (mut positions, mut ends, mut labels, mut supervised) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (r, row) in rows.iter().enumerate() {
            let before = labels.len();
            for t in 1..row.ids.len() {
                let label = if which == Which::All { i64::from(row.ids[t]) } else { row.labels[t] };
                if label >= 0 {
                    positions.push(place(r, t - 1) as i64);
                    ends.push(place(r, t) as i64);
                    labels.push(label);
                }
            }
            supervised.push(labels.len() - before);
        }
        let device = tokens.device();
        Self {
            tokens,
            positions: indices(positions, &device),
            ends: indices(ends, &device),
            labels: indices(labels, &device),
            supervised,
            shape,
            token_count: rows.iter().map(|r| r.ids.len()).sum(),
        }
    }

    /// Of hidden states `[rows, tokens, width]`, those from which a token is predicted: `[predictions, width]`.
    #[must_use]
    pub fn predicting(&self, hidden: Tensor<3>) -> Tensor<2> {
        let [rows, tokens, width] = hidden.dims();
        hidden.reshape([rows * tokens, width]).select(0, self.positions.clone())
    }

    /// Of states `[rows, tokens, width]`, those at the tokens that are predicted: `[predictions, width]`. Only of rows
    /// that reach to the end.
    #[must_use]
    pub fn predicted(&self, states: Tensor<3>) -> Tensor<2> {
        let [rows, tokens, width] = states.dims();
        states.reshape([rows * tokens, width]).select(0, self.ends.clone())
    }
}

/// Where each of some things comes first, and of every one its place among these.
fn distinct<T: Eq + Hash>(all: impl Iterator<Item = T>) -> (Vec<usize>, Vec<usize>) {
    let (mut seen, mut firsts, mut places) = (HashMap::new(), Vec::new(), Vec::new());
    for (i, one) in all.enumerate() {
        places.push(*seen.entry(one).or_insert_with(|| {
            firsts.push(i);
            firsts.len() - 1
        }));
    }
    (firsts, places)
}

fn place(shape: &Rows, width: usize, row: usize, token: usize) -> usize {
    match &shape.tree {
        // Where a row ends, nothing stands that is read.
        Some(tree) => tree.paths[row].get(token).copied().unwrap_or(0),
        None => row * width + token,
    }
}

/// Tokens of a row that go through the decoder.
pub(crate) fn inputs(row: &TokenRow, to_the_end: bool) -> usize {
    if to_the_end { row.ids.len() } else { row.ids.len().saturating_sub(1) }
}

fn unseen(rows: &[&TokenRow], width: usize) -> Vec<Vec<bool>> {
    let hides = |r: &&TokenRow| r.hidden.is_some_and(|h| r.ids.contains(&h));
    if !rows.iter().any(hides) {
        return Vec::new();
    }
    let row = |r: &&TokenRow| (0..width).map(|t| r.ids.get(t).is_some_and(|id| Some(*id) == r.hidden)).collect();
    rows.iter().map(row).collect()
}

/// How rows go through a decoder together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Together {
    /// As one tree, in which what they begin with alike stands once.
    Tree,
    /// Beside each other, padded: where a row's length changes what is computed of it, or each has something of its own.
    SideBySide,
}

impl Together {
    /// As rows of which each is what it is alone go through a decoder.
    #[must_use]
    pub fn through(config: &DecoderConfig) -> Self {
        if config.depends_on_length() { Self::SideBySide } else { Self::Tree }
    }

    /// Cuts rows of the given lengths into groups that stay within `budget` tokens, padding included (a single row may
    /// exceed it).
    #[must_use]
    pub fn cut(self, lengths: &[usize], budget: usize) -> Vec<Vec<usize>> {
        match self {
            Self::Tree => fill(lengths, budget),
            Self::SideBySide => plan(lengths, budget),
        }
    }

    /// Puts rows together, with their last tokens where `to_the_end`.
    #[must_use]
    pub fn put(self, rows: &[&TokenRow], which: Which, to_the_end: bool, device: &Device) -> TokenBatch {
        match self {
            Self::Tree => TokenBatch::tree(rows, which, to_the_end, device),
            Self::SideBySide => TokenBatch::reaching(rows, which, to_the_end, device),
        }
    }
}

/// Cuts rows of the given lengths into groups whose padded size stays within `budget` tokens (a single row may
/// exceed it). Rows of like length go together; the groups depend on nothing but the lengths.
#[must_use]
pub fn plan(lengths: &[usize], budget: usize) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    order.sort_by_key(|&i| std::cmp::Reverse(lengths[i]));
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut widest = 0;
    for i in order {
        match groups.last_mut() {
            Some(group) if (group.len() + 1) * widest <= budget => group.push(i),
            _ => {
                widest = lengths[i].max(1);
                groups.push(vec![i]);
            }
        }
    }
    groups
}

/// Cuts rows of the given lengths, in their order, into groups whose tokens stay within `budget` (a single row may exceed
/// it).
#[must_use]
pub fn fill(lengths: &[usize], budget: usize) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut left = 0;
    for (i, &length) in lengths.iter().enumerate() {
        match groups.last_mut() {
            Some(group) if length <= left => group.push(i),
            _ => {
                left = budget.max(length);
                groups.push(vec![i]);
            }
        }
        left -= length;
    }
    groups
}

/// As [`plan`], but short ones are put into one row, one after the other, up to the length of a pass's longest: passes,
/// of rows, of members.
#[must_use]
pub fn pack(lengths: &[usize], budget: usize) -> Vec<Vec<Vec<usize>>> {
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    order.sort_by_key(|&i| std::cmp::Reverse(lengths[i]));
    let mut passes = Vec::new();
    while let Some(&longest) = order.first() {
        let width = lengths[longest].max(1);
        let mut pass: Vec<Vec<usize>> = Vec::new();
        while pass.is_empty() || (pass.len() + 1) * width <= budget {
            let (mut row, mut room) = (Vec::new(), width);
            order.retain(|&i| {
                let fits = lengths[i] <= room;
                if fits {
                    room -= lengths[i];
                    row.push(i);
                }
                !fits
            });
            if row.is_empty() {
                break;
            }
            pass.push(row);
        }
        passes.push(pass);
    }
    passes
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn packed_rows_hold_everything_once_within_the_budget(
            lengths in prop::collection::vec(0usize..200, 0..50), budget in 1usize..600,
        ) {
            let passes = pack(&lengths, budget);
            let mut all: Vec<usize> = passes.concat().concat();
            all.sort_unstable();
            prop_assert_eq!(all, (0..lengths.len()).collect::<Vec<_>>());
            for pass in passes {
                let size = |row: &Vec<usize>| row.iter().map(|&i| lengths[i]).sum::<usize>();
                let widest = pass.iter().map(size).max().unwrap_or(0);
                prop_assert!(pass.len() == 1 || pass.len() * widest <= budget);
                prop_assert_eq!(widest, pass.concat().iter().map(|&i| lengths[i]).max().unwrap_or(0));
            }
        }

        #[test]
        fn groups_are_filled_in_order_within_the_budget(
            lengths in prop::collection::vec(1usize..200, 0..50), budget in 1usize..600,
        ) {
            let groups = fill(&lengths, budget);
            prop_assert_eq!(groups.concat(), (0..lengths.len()).collect::<Vec<_>>());
            for group in groups {
                prop_assert!(group.len() == 1 || group.iter().map(|&i| lengths[i]).sum::<usize>() <= budget);
            }
        }

        #[test]
        fn a_plan_holds_every_row_once_within_the_budget(
            lengths in prop::collection::vec(1usize..200, 0..50), budget in 1usize..600,
        ) {
            let groups = plan(&lengths, budget);
            let mut all: Vec<usize> = groups.concat();
            all.sort_unstable();
            prop_assert_eq!(all, (0..lengths.len()).collect::<Vec<_>>());
            for g in groups {
                let widest = g.iter().map(|&i| lengths[i]).max().unwrap_or(0);
                prop_assert!(g.len() == 1 || g.len() * widest <= budget);
            }
        }
    }
}
