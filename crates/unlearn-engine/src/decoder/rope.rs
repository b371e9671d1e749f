//! Rotary position embedding in the half-rotating form of Hugging Face checkpoints.

use burn::tensor::{Device, Tensor, TensorData};

use super::Rope;

/// Cosines and sines for the positions of one pass: they turn the first `dim` entries of each head, entry `i` of their
/// first half with entry `i` of their second.
#[derive(Debug, Clone)]
pub struct Rotation {
    /// `[rows or 1, tokens, dim]`: cosines, then sines.
    turns: Tensor<3>,
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
        let turns = angles.chunks(half.max(1)).flat_map(|angles| {
            let both = [f32::cos, f32::sin].map(|f| angles.iter().map(move |&a| f(a) * scale));
            both.into_iter().flatten()
        });
        Self { turns: Tensor::from_data(TensorData::new(turns.collect(), [rows, tokens, 2 * half]), device) }
    }

    /// What turns the heads of a pass, as `fused::by_head` takes it.
    pub(super) fn turns(&self) -> Tensor<3> {
        self.turns.clone()
    }
}
