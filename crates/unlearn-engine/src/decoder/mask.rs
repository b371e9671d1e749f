//! Which token sees which.

use std::collections::BTreeMap;

use burn::tensor::{Device, Tensor, TensorData};

use crate::tree::Tree;

/// Added to a score that must not count. Finite, so that a row without any partner stays finite too.
const MASKED: f32 = -1e30;

/// The masks of one pass, one for each window that a layer has.
#[derive(Debug, Clone)]
pub(super) struct Masks(BTreeMap<Option<usize>, Tensor<4>>);

impl Masks {
    /// The masks of further tokens, from `past` on.
    pub(super) fn after(windows: &[Option<usize>], past: usize, unseen: &[Vec<bool>], device: &Device) -> Self {
        Self(windows.iter().map(|w| (*w, additive(unseen, past, *w, device))).collect())
    }

    /// The masks of trees, padded to `width` nodes, after a beginning of which `unseen` tells what no other sees.
    pub(super) fn trees(
        windows: &[Option<usize>],
        trees: &[&Tree],
        (width, unseen): (usize, &[bool]),
        device: &Device,
    ) -> Self {
        let past = unseen.len();
        let keys = past + width;
        let mask = |window: Option<usize>| {
            let mut values = vec![MASKED; trees.len() * width * keys];
            for (row, tree) in trees.iter().enumerate() {
                for node in 0..tree.len().min(width) {
                    let sees = &mut values[(row * width + node) * keys..][..keys];
                    let reach = window.unwrap_or(usize::MAX);
                    for (key, value) in sees[..past].iter_mut().enumerate() {
                        if !unseen[key] && past + tree.depths[node] - key < reach {
                            *value = 0.0;
                        }
                    }
                    for key in tree.way(node).take(reach).filter(|&key| !tree.unseen[key]) {
                        sees[past + key] = 0.0;
                    }
                }
            }
            Tensor::from_data(TensorData::new(values, [trees.len(), 1, width, keys]), device)
        };
        Self(windows.iter().map(|w| (*w, mask(*w))).collect())
    }

    /// What is added to the scores of a layer with one of the windows: `[rows or 1, 1, tokens, keys]`.
    pub(super) fn of(&self, window: Option<usize>) -> Tensor<4> {
        self.0[&window].clone()
    }
}

/// `[rows, 1, n, past + n]`: causal, within the window, and an unseen token is seen by nobody.
fn additive(unseen: &[Vec<bool>], past: usize, window: Option<usize>, device: &Device) -> Tensor<4> {
    let keys = unseen.first().map_or(0, Vec::len);
    let n = keys - past;
    let mut values = Vec::with_capacity(unseen.len() * n * keys);
    for row in unseen {
        for query in past..keys {
            let first = window.map_or(0, |w| (query + 1).saturating_sub(w));
            let sees = |key: usize| (first..=query).contains(&key) && !row[key];
            values.extend((0..keys).map(|key| if sees(key) { 0.0 } else { MASKED }));
        }
    }
    Tensor::from_data(TensorData::new(values, [unseen.len(), 1, n, keys]), device)
}
