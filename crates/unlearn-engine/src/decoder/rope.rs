//! Rotary position embedding in the half-rotating form of Hugging Face checkpoints.

use burn::tensor::{Device, Tensor, TensorData};

use super::Rope;

/// Cosines and sines for the positions of one pass.
#[derive(Debug, Clone)]
pub struct Rotation {
    /// `[rows or 1, 1, 1, tokens, dim / 2]`
    cos: Tensor<5>,
    /// As `cos`.
    sin: Tensor<5>,
}

impl Rotation {
    /// Tables for `positions[row][token]`, of rows that are `lengths[row]` long in all; one row serves all when all
    /// rows stand at the same positions.
    #[must_use]
    pub fn new(rope: &Rope, positions: &[Vec<usize>], lengths: &[usize], device: &Device) -> Self {
        let (rows, tokens, half) = (positions.len(), positions.first().map_or(0, Vec::len), rope.dim / 2);
        let mut angles = Vec::with_capacity(rows * tokens * half);
        let mut known = (0, rope.frequencies(0));
        for (row, length) in positions.iter().zip(lengths) {
            if rope.depends_on_length() && known.0 != *length {
                known = (*length, rope.frequencies(*length));
            }
            // The reference implementations multiply in float32.
            angles.extend(row.iter().flat_map(|&p| known.1.iter().map(move |&f| p as f32 * f as f32)));
        }
        let scale = rope.attention_factor as f32;
        let table = |f: fn(f32) -> f32| {
            let values: Vec<f32> = angles.iter().map(|&a| f(a) * scale).collect();
            Tensor::from_data(TensorData::new(values, [rows, 1, 1, tokens, half]), device)
        };
        Self { cos: table(f32::cos), sin: table(f32::sin) }
    }

    /// Rotates the first `dim` entries of each head of `x` `[rows, kv_heads, groups, tokens, head_dim]`: entry `i` of
    /// their first half with entry `i` of their second.
    #[must_use]
    pub fn apply(&self, x: Tensor<5>) -> Tensor<5> {
        let (width, half) = (x.dims()[4], self.cos.dims()[4]);
        let first = x.clone().narrow(4, 0, half);
        let second = x.clone().narrow(4, half, half);
        let turned_first = first.clone() * self.cos.clone() - second.clone() * self.sin.clone();
        let turned_second = second * self.cos.clone() + first * self.sin.clone();
        let mut parts = vec![turned_first, turned_second];
        if width > 2 * half {
            parts.push(x.narrow(4, 2 * half, width - 2 * half));
        }
        Tensor::cat(parts, 4)
    }
}
