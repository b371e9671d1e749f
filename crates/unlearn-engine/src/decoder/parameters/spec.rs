//! What a parameter is.

/// How a parameter lies in the checkpoint, seen from how it lies in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// As it is: an embedding `[vocabulary, width]`, a `Conv1D` `[in, out]`.
    Rows,
    /// A linear layer: `[out, in]` on disk, `[in, out]` in memory, so that neither pass needs a transposition.
    Linear,
    /// A vector of `n` on disk, `[1, n]` in memory.
    Vector,
}

/// What a parameter is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The embedding of tokens.
    Embedding,
    /// The embedding of positions.
    Positions,
    /// The weight of a linear layer inside a block.
    Linear,
    /// The same, of one that writes to the residual stream.
    IntoStream,
    /// The output matrix.
    Head,
    /// A bias.
    Bias,
    /// The weight of a norm.
    NormWeight,
    /// The weight of a norm, less one.
    NormOffset,
    /// `A` of an adapter.
    AdapterDown,
    /// `B` of an adapter.
    AdapterUp,
}

/// What a parameter is called, and how large it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spec {
    /// Its name in the checkpoint.
    pub name: String,
    /// Its shape in memory, always two-dimensional.
    pub shape: [usize; 2],
    /// How it lies on disk.
    pub layout: Layout,
    /// What it is for.
    pub role: Role,
    /// The block that it belongs to.
    pub layer: Option<usize>,
}

impl Spec {
    /// Values in it.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shape[0] * self.shape[1]
    }

    /// Whether it holds nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether it is a matrix: what packing and quantisation are for.
    #[must_use]
    pub fn is_matrix(&self) -> bool {
        self.layout != Layout::Vector
    }

    /// Whether it is the weight of a linear layer inside a block.
    #[must_use]
    pub fn is_linear(&self) -> bool {
        matches!(self.role, Role::Linear | Role::IntoStream)
    }

    /// The lowest layer that its gradient goes through: 0 for embeddings, none above the blocks.
    #[must_use]
    pub fn first_layer(&self) -> Option<usize> {
        match self.role {
            Role::Embedding | Role::Positions => Some(0),
            _ => self.layer,
        }
    }

    /// Its shape in the checkpoint.
    #[must_use]
    pub fn disk_shape(&self) -> Vec<usize> {
        match self.layout {
            Layout::Rows => self.shape.to_vec(),
            Layout::Linear => vec![self.shape[1], self.shape[0]],
            Layout::Vector => vec![self.shape[1]],
        }
    }

    /// Reorders values from the checkpoint's layout to memory's.
    #[must_use]
    pub fn from_disk(&self, values: Vec<f32>) -> Vec<f32> {
        match self.layout {
            Layout::Linear => transpose(&values, self.shape[1], self.shape[0]),
            Layout::Rows | Layout::Vector => values,
        }
    }

    /// Reorders values from memory's layout to the checkpoint's.
    #[must_use]
    pub fn to_disk(&self, values: Vec<f32>) -> Vec<f32> {
        match self.layout {
            Layout::Linear => transpose(&values, self.shape[0], self.shape[1]),
            Layout::Rows | Layout::Vector => values,
        }
    }
}

/// `[rows, cols]` to `[cols, rows]`, in blocks that stay in the cache.
fn transpose(values: &[f32], rows: usize, cols: usize) -> Vec<f32> {
    const BLOCK: usize = 32;
    let mut out = vec![0.0; values.len()];
    for r0 in (0..rows).step_by(BLOCK) {
        for c0 in (0..cols).step_by(BLOCK) {
            for r in r0..(r0 + BLOCK).min(rows) {
                for c in c0..(c0 + BLOCK).min(cols) {
                    out[c * rows + r] = values[r * cols + c];
                }
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_linear_layer_is_transposed_and_back() {
        let shape = [70, 35];
        let spec = Spec { name: "w".into(), shape, layout: Layout::Linear, role: Role::Linear, layer: None };
        let disk: Vec<f32> = (0..70 * 35).map(|i| i as f32).collect();
        let memory = spec.from_disk(disk.clone());
        assert_eq!(spec.disk_shape(), [35, 70]);
        assert_eq!(memory[35 * 2 + 1], disk[70 + 2]);
        assert_eq!(spec.to_disk(memory), disk);
    }
}
