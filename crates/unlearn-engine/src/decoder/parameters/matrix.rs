//! What states are multiplied by.

use burn::tensor::{Device, Tensor};

use crate::fused::{Held, held_product, product, writing_held_product, writing_product};

/// A matrix `[in, out]`.
#[derive(Debug, Clone)]
pub(in crate::decoder) enum Matrix {
    /// As it is, or, where so said, with rows for columns.
    Plain(Tensor<2>, bool),
    /// Frozen and packed.
    Held(Held, Device),
}

impl Matrix {
    /// `x` `[n, in]` times the matrix: `[n, out]`; `writing` as in [`super::Weights::writing`].
    pub(in crate::decoder) fn of(self, x: Tensor<2>, writing: bool) -> Tensor<2> {
        match (self, writing) {
            (Self::Plain(matrix, turned), false) => product(x, matrix, turned),
            (Self::Plain(matrix, turned), true) => writing_product(x, matrix, turned),
            (Self::Held(held, _), false) => held_product(x, held),
            (Self::Held(held, _), true) => writing_held_product(x, held),
        }
    }

    /// Where it lies.
    pub(in crate::decoder) fn device(&self) -> Device {
        match self {
            Self::Plain(matrix, _) => matrix.device(),
            Self::Held(_, device) => device.clone(),
        }
    }

    /// Rows for columns.
    pub(in crate::decoder) fn turned(self) -> Self {
        match self {
            Self::Plain(matrix, turned) => Self::Plain(matrix, !turned),
            Self::Held(held, device) => Self::Held(held.turned(), device),
        }
    }
}
