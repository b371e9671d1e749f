//! One weight of the converted model, decoded when it is asked for.

use super::{Form, TensorInfo, TensorKind};

/// A weight under its Hugging Face name.
#[derive(Debug, Clone, PartialEq)]
pub struct Weight<'a> {
    /// The name in the model, as in `model.layers.0.self_attn.q_proj.weight`.
    pub name: String,
    /// The tensor in the file that it comes from, or the rows of it that are this weight.
    pub tensor: TensorInfo<'a>,
    /// How the tensor is stored.
    pub form: Form,
    /// Rows of one head, for the forms that need them.
    pub head_dim: usize,
}

impl Weight<'_> {
    /// The dimensions, those of the Hugging Face model.
    pub fn shape(&self) -> Vec<usize> {
        self.form.shape(&self.tensor.shape)
    }

    /// How the tensor's values are stored.
    pub fn kind(&self) -> TensorKind {
        self.tensor.kind
    }

    /// The values, decoded and in the model's form.
    ///
    /// # Shapes
    /// As many values as the product of [`shape`](Self::shape), row-major.
    pub fn to_f32(&self) -> Vec<f32> {
        let shape = &self.tensor.shape;
        if self.form.moves_rows() && shape.len() > 1 {
            return self.tensor.rows_to_f32(|row| self.form.row_in_file(row, shape[0], self.head_dim));
        }
        self.form.to_model(shape, self.head_dim, self.tensor.to_f32())
    }
}
