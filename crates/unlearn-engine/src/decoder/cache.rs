//! The key and value cache of generation.

use burn::tensor::Tensor;

/// Keys and values of the tokens that were processed, by layer.
#[derive(Debug, Clone, Default)]
pub struct Cache {
    layers: Vec<(Tensor<4>, Tensor<4>)>,
}

impl Cache {
    /// Tokens in it, padding included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.layers.first().map_or(0, |(k, _)| k.dims()[2])
    }

    /// Whether nothing was processed yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends a layer's new keys and values `[rows, kv_heads, tokens, head_dim]`; returns all so far.
    pub(super) fn extend(&mut self, layer: usize, k: Tensor<4>, v: Tensor<4>) -> (Tensor<4>, Tensor<4>) {
        let both = match self.layers.get(layer) {
            None => (k, v),
            Some((k0, v0)) => (Tensor::cat(vec![k0.clone(), k], 2), Tensor::cat(vec![v0.clone(), v], 2)),
        };
        if layer < self.layers.len() {
            self.layers[layer] = both.clone();
        } else {
            self.layers.push(both.clone());
        }
        both
    }

    /// Its first `n` tokens; all when it has no more.
    #[must_use]
    pub fn first(&self, n: usize) -> Self {
        if n == 0 {
            return Self::default();
        }
        let part = |t: &Tensor<4>| t.clone().narrow(2, 0, n.min(t.dims()[2]));
        Self { layers: self.layers.iter().map(|(k, v)| (part(k), part(v))).collect() }
    }

    /// Keeps only some rows, in the given order.
    #[must_use]
    pub fn select(&self, rows: &Tensor<1, burn::tensor::Int>) -> Self {
        let pick = |t: &Tensor<4>| t.clone().select(0, rows.clone());
        Self { layers: self.layers.iter().map(|(k, v)| (pick(k), pick(v))).collect() }
    }

    /// Some of a row's tokens, by their places.
    #[must_use]
    pub fn of_row(&self, row: usize, places: &Tensor<1, burn::tensor::Int>) -> Self {
        let pick = |t: &Tensor<4>| t.clone().narrow(0, row, 1).select(2, places.clone());
        Self { layers: self.layers.iter().map(|(k, v)| (pick(k), pick(v))).collect() }
    }

    /// Rows beside each other, padded on the left to the longest.
    #[must_use]
    pub fn beside(rows: &[Self]) -> Self {
        let width = rows.iter().map(Self::len).max().unwrap_or(0);
        let padded = |t: &Tensor<4>| {
            let [one, heads, n, size] = t.dims();
            match width - n {
                0 => t.clone(),
                missing => Tensor::cat(vec![Tensor::zeros([one, heads, missing, size], &t.device()), t.clone()], 2),
            }
        };
        let layer = |i: usize| {
            let (keys, values) = rows.iter().map(|row| (padded(&row.layers[i].0), padded(&row.layers[i].1))).unzip();
            (Tensor::cat(keys, 0), Tensor::cat(values, 0))
        };
        Self { layers: (0..rows.first().map_or(0, |row| row.layers.len())).map(layer).collect() }
    }
}
