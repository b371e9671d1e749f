//! One weight of the converted model, decoded when it is asked for.

use super::{TensorInfo, TensorKind};

/// How the rows of a weight lie in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowOrder {
    /// As in the Hugging Face model.
    Same,
    /// Within each head of this many rows, the two halves that rotate together lie interleaved.
    Interleaved {
        /// Rows of one head.
        head_dim: usize,
    },
}

impl RowOrder {
    /// Where row `row` of the converted weight lies in the file.
    fn source(self, row: usize) -> usize {
        match self {
            Self::Same => row,
            Self::Interleaved { head_dim } => {
                let (head, within) = (row / head_dim, row % head_dim);
                let half = head_dim / 2;
                head * head_dim + within % half * 2 + within / half
            }
        }
    }
}

/// A weight under its Hugging Face name.
#[derive(Debug, Clone, PartialEq)]
pub struct Weight<'a> {
    /// The name in the model, as in `model.layers.0.self_attn.q_proj.weight`.
    pub name: String,
    /// The tensor in the file that it comes from.
    pub tensor: TensorInfo<'a>,
    /// How the tensor's rows are ordered.
    pub order: RowOrder,
}

impl Weight<'_> {
    /// The dimensions, those of the Hugging Face model.
    pub fn shape(&self) -> &[usize] {
        &self.tensor.shape
    }

    /// How the tensor's values are stored.
    pub fn kind(&self) -> TensorKind {
        self.tensor.kind
    }

    /// The values, decoded and in the model's order.
    ///
    /// # Shapes
    /// As many values as the product of [`shape`](Self::shape), row-major.
    pub fn to_f32(&self) -> Vec<f32> {
        match (self.order, self.tensor.shape.len()) {
            (RowOrder::Same, _) => self.tensor.to_f32(),
            (order, 1) => {
                let stored = self.tensor.to_f32();
                (0..stored.len()).map(|row| stored[order.source(row)]).collect()
            }
            (order, _) => self.tensor.rows_to_f32(|row| order.source(row)),
        }
    }
}
