//! The key and value cache of generation.

use std::collections::BTreeMap;

use burn::tensor::Tensor;

/// Keys and values of the tokens that were processed, by layer.
#[derive(Debug, Clone, Default)]
pub struct Cache {
    layers: BTreeMap<usize, Layer>,
}

/// A layer's, `[rows, kv_heads, room, head_dim]`: the first tokens are there, and there may be room for more.
#[derive(Debug, Clone)]
struct Layer {
    both: [Tensor<4>; 2],
    tokens: usize,
}

/// Tokens that there is room for, at least, when more than what came has to be moved.
const ROOM: usize = 32;

impl Layer {
    fn of(both: [Tensor<4>; 2]) -> Self {
        Self { tokens: both[0].dims()[2], both }
    }

    /// Without the room.
    fn tensors(&self) -> [Tensor<4>; 2] {
        self.both.clone().map(|t| t.narrow(2, 0, self.tokens))
    }

    /// Appends tokens: where there is room, in their place.
    fn extend(self, new: [Tensor<4>; 2]) -> Self {
        let [rows, heads, room, size] = self.both[0].dims();
        let (was, tokens) = (self.tokens, self.tokens + new[0].dims()[2]);
        let grown = |both: Tensor<4>, new: Tensor<4>| {
            if tokens <= room {
                return both.slice_assign([0..rows, 0..heads, was..tokens, 0..size], new);
            }
            let spare = Tensor::zeros([rows, heads, ROOM.max(tokens / 4), size], &both.device());
            Tensor::cat(vec![both.narrow(2, 0, was), new, spare], 2)
        };
        let ([k, v], [new_k, new_v]) = (self.both, new);
        Self { both: [grown(k, new_k), grown(v, new_v)], tokens }
    }
}

impl Cache {
    /// Tokens in it, padding included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.layers.values().next().map_or(0, |layer| layer.tokens)
    }

    /// Whether nothing was processed yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends a layer's new keys and values `[rows, kv_heads, tokens, head_dim]`; returns all so far, behind which there
    /// may be room for more.
    pub(super) fn extend(&mut self, layer: usize, new: [Tensor<4>; 2]) -> [Tensor<4>; 2] {
        // Taken out, so that nothing else keeps what is written to.
        let extended = match self.layers.remove(&layer) {
            None => Layer::of(new),
            Some(old) => old.extend(new),
        };
        let both = extended.both.clone();
        self.layers.insert(layer, extended);
        both
    }

    /// Each tensor changed.
    fn each(&self, change: impl Fn(Tensor<4>) -> Tensor<4>) -> Self {
        let layer = |(&i, layer): (&usize, &Layer)| (i, Layer::of(layer.tensors().map(&change)));
        Self { layers: self.layers.iter().map(layer).collect() }
    }

    /// Its first `n` tokens; all when it has no more.
    #[must_use]
    pub fn first(&self, n: usize) -> Self {
        if n == 0 {
            return Self::default();
        }
        self.each(|t| {
            let tokens = t.dims()[2];
            t.narrow(2, 0, n.min(tokens))
        })
    }

    /// Keeps only some rows, in the given order.
    #[must_use]
    pub fn select(&self, rows: &Tensor<1, burn::tensor::Int>) -> Self {
        let layer = |(&i, layer): (&usize, &Layer)| {
            (i, Layer { both: layer.both.clone().map(|t| t.select(0, rows.clone())), tokens: layer.tokens })
        };
        Self { layers: self.layers.iter().map(layer).collect() }
    }

    /// Some of a row's tokens, by their places.
    #[must_use]
    pub fn of_row(&self, row: usize, places: &Tensor<1, burn::tensor::Int>) -> Self {
        self.each(|t| t.narrow(0, row, 1).select(2, places.clone()))
    }

    /// Rows beside each other, padded on the left to the longest.
    #[must_use]
    pub fn beside(rows: &[Self]) -> Self {
        let width = rows.iter().map(Self::len).max().unwrap_or(0);
        let padded = |t: Tensor<4>| {
            let [one, heads, n, size] = t.dims();
            match width - n {
                0 => t,
                missing => Tensor::cat(vec![Tensor::zeros([one, heads, missing, size], &t.device()), t], 2),
            }
        };
        let layer = |i: &usize| {
            let both = rows.iter().map(|row| row.layers[i].tensors().map(padded));
            let (keys, values): (Vec<_>, Vec<_>) = both.map(|[k, v]| (k, v)).unzip();
            (*i, Layer::of([Tensor::cat(keys, 0), Tensor::cat(values, 0)]))
        };
        Self { layers: rows.iter().take(1).flat_map(|row| row.layers.keys()).map(layer).collect() }
    }
}
