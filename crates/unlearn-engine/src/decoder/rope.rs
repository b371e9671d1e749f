//! Rotary position embedding in the half-rotating form of Hugging Face checkpoints.

use burn::tensor::{Device, Tensor, TensorData};

use super::config::Rope;

/// Cosines and sines for the positions of one pass.
#[derive(Debug, Clone)]
pub struct Rotation {
    /// `[rows or 1, 1, 1, tokens, head_dim / 2]`
    cos: Tensor<5>,
    /// As `cos`.
    sin: Tensor<5>,
}

impl Rotation {
    /// Tables for `positions[row][token]`; one row serves all when all rows stand at the same positions.
    #[must_use]
    pub fn new(rope: &Rope, head_dim: usize, positions: &[Vec<usize>], device: &Device) -> Self {
        let frequencies = rope.frequencies(head_dim);
        let (rows, tokens, half) = (positions.len(), positions.first().map_or(0, Vec::len), head_dim / 2);
        let angles = || {
            positions.iter().flatten().flat_map(|&p| {
                // The reference implementations multiply in float32.
                frequencies.iter().map(move |&f| p as f32 * f as f32)
            })
        };
        let table = |values: Vec<f32>| Tensor::from_data(TensorData::new(values, [rows, 1, 1, tokens, half]), device);
        Self { cos: table(angles().map(f32::cos).collect()), sin: table(angles().map(f32::sin).collect()) }
    }

    /// Rotates `x` `[rows, kv_heads, groups, tokens, head_dim]`: entry `i` of the first half with entry `i` of
    /// the second.
    #[must_use]
    pub fn apply(&self, x: Tensor<5>) -> Tensor<5> {
        let dims = x.dims();
        let half = dims[4] / 2;
        let first = x.clone().narrow(4, 0, half);
        let second = x.narrow(4, half, half);
        let turned_first = first.clone() * self.cos.clone() - second.clone() * self.sin.clone();
        let turned_second = second * self.cos.clone() + first * self.sin.clone();
        Tensor::cat(vec![turned_first, turned_second], 4)
    }
}
