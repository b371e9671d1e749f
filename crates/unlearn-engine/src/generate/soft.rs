//! Vectors in place of a prompt's tokens.

use burn::tensor::{Tensor, TensorData};

use crate::tensor::values;

/// Vectors that stand where rows of the embedding table do, the same in all prompts.
#[derive(Debug, Clone, Copy)]
pub struct Soft<'a> {
    /// Where they stand in each prompt.
    pub slots: &'a [Vec<usize>],
    /// `[slots, width]`, see [`crate::prompt::vectors`].
    pub vectors: &'a [f32],
}

impl Soft<'_> {
    /// Of `inputs` `[rows, tokens, width]`, which begin behind `past` tokens, those at free places replaced. `rows` tells
    /// of each its prompt and the padding at its left.
    pub(super) fn fill(&self, inputs: Tensor<3>, rows: &[(usize, usize)], past: usize) -> Tensor<3> {
        let [_, tokens, width] = inputs.dims();
        let last = rows.iter().flat_map(|&(p, padding)| self.slots[p].iter().map(move |slot| slot + padding)).max();
        if last.is_none_or(|last| last < past) {
            return inputs;
        }
        let (shape, device) = (inputs.dims(), inputs.device());
        let mut all = values(inputs);
        for (at, &(prompt, padding)) in rows.iter().enumerate() {
            let slots = &self.slots[prompt];
            assert_eq!(self.vectors.len(), slots.len() * width, "one vector for each free place");
            for (slot, vector) in slots.iter().zip(self.vectors.chunks_exact(width)) {
                if let Some(token) = (slot + padding).checked_sub(past) {
                    all[(at * tokens + token) * width..][..width].copy_from_slice(vector);
                }
            }
        }
        Tensor::from_data(TensorData::new(all, shape), &device)
    }
}
