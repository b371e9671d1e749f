//! What one pass reads besides the tokens.

use std::sync::Arc;

use burn::tensor::{Device, Int, Tensor, TensorData};

use super::mask::Masks;
use super::{DecoderConfig, Reach, Rotation};
use crate::tree::Tree;

/// What is known of the rows of a pass.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rows {
    /// Tokens in each row, padding left out; all of the pass's when it is empty.
    pub lengths: Vec<usize>,
    /// `unseen[row][token]`: tokens that no other sees; none when it is empty.
    pub unseen: Vec<Vec<bool>>,
    /// The rows as one tree, whose nodes are the tokens of the pass; the rest says nothing then.
    pub tree: Option<Tree>,
}

/// Rotations and positions of one pass, and what its tokens see.
#[derive(Debug, Clone)]
pub struct Pass {
    pub(super) rotations: Vec<Rotation>,
    pub(super) sight: Sight,
    positions: Tensor<2, Int>,
}

/// Which token sees which.
#[derive(Debug, Clone)]
pub(super) enum Sight {
    /// Among the tokens of the pass.
    Reach(Arc<Reach>),
    /// And those in the cache.
    Masks(Masks),
}

impl Pass {
    /// A pass over whole rows, padded on the right, or over a tree of them.
    pub(super) fn new(c: &DecoderConfig, [count, tokens]: [usize; 2], rows: &Rows, device: &Device) -> Self {
        if let Some(tree) = &rows.tree {
            let positions = vec![tree.depths.clone()];
            return Self {
                rotations: rotations(c, &positions, &[tree.longest()], device),
                sight: Sight::Reach(Arc::new(Reach::tree(tree))),
                positions: ids(&positions, device),
            };
        }
        let line: Vec<usize> = (0..tokens).collect();
        let lengths = if rows.lengths.is_empty() { vec![tokens; count] } else { rows.lengths.clone() };
        let alike = !c.depends_on_length();
        let shown = if alike { 1 } else { count };
        let positions = vec![line; shown];
        Self {
            rotations: rotations(c, &positions, &lengths[..shown], device),
            sight: Sight::Reach(Arc::new(Reach::rows(count, tokens, &rows.unseen))),
            positions: ids(&positions, device),
        }
    }

    /// A pass over further tokens, after `past` that are in the cache.
    pub(super) fn after(c: &DecoderConfig, unseen: &[Vec<bool>], past: usize, device: &Device) -> Self {
        let positions: Vec<Vec<usize>> = unseen.iter().map(|row| places(row, past)).collect();
        let lengths: Vec<usize> = unseen.iter().map(|row| row.iter().filter(|u| !**u).count()).collect();
        Self {
            rotations: rotations(c, &positions, &lengths, device),
            sight: Sight::Masks(Masks::after(&windows(c), past, unseen, device)),
            positions: ids(&positions, device),
        }
    }

    /// A pass over trees, each padded on the right to `width` nodes, after a beginning that is in the cache, of whose
    /// tokens `unseen` tells which no other sees.
    pub(crate) fn trees(
        c: &DecoderConfig,
        trees: &[&Tree],
        (width, unseen): (usize, &[bool]),
        device: &Device,
    ) -> Self {
        let past = unseen.len();
        let place = |tree: &&Tree| -> Vec<usize> {
            (0..width).map(|n| tree.depths.get(n).map_or(0, |depth| past + depth)).collect()
        };
        let positions: Vec<Vec<usize>> = trees.iter().map(place).collect();
        let lengths: Vec<usize> = positions.iter().map(|p| p.iter().max().map_or(0, |m| m + 1)).collect();
        Self {
            rotations: rotations(c, &positions, &lengths, device),
            sight: Sight::Masks(Masks::trees(&windows(c), trees, (width, unseen), device)),
            positions: ids(&positions, device),
        }
    }

    /// `[rows or 1, tokens]`
    pub(super) fn positions(&self) -> Tensor<2, Int> {
        self.positions.clone()
    }
}

fn rotations(c: &DecoderConfig, positions: &[Vec<usize>], lengths: &[usize], device: &Device) -> Vec<Rotation> {
    c.ropes.iter().map(|rope| Rotation::new(rope, positions, lengths, device)).collect()
}

/// The windows that layers have, each once.
fn windows(c: &DecoderConfig) -> Vec<Option<usize>> {
    let mut windows: Vec<Option<usize>> = c.layers.iter().map(|kind| kind.window).collect();
    windows.sort_unstable();
    windows.dedup();
    windows
}

/// Where the tokens from `past` on stand when only those that are seen count.
fn places(unseen: &[bool], past: usize) -> Vec<usize> {
    let mut seen = unseen[..past].iter().filter(|u| !**u).count();
    let place = unseen[past..].iter().map(|&u| {
        seen += usize::from(!u);
        seen.saturating_sub(1)
    });
    place.collect()
}

fn ids(positions: &[Vec<usize>], device: &Device) -> Tensor<2, Int> {
    let shape = [positions.len(), positions.first().map_or(0, Vec::len)];
    let values: Vec<i64> = positions.iter().flatten().map(|&p| p as i64).collect();
    Tensor::from_data(TensorData::new(values, shape), device)
}
