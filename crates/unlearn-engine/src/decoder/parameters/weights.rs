//! The tensors of one pass.

use std::sync::Arc;

use burn::tensor::module::embedding;
use burn::tensor::{Device, Int, Tensor, TensorData};

use super::{Adapter, Packed, tensor};

/// One parameter's tensor, or what it is made from.
#[derive(Debug, Clone)]
pub(super) enum Slot {
    Plain(Box<Tensor<2>>),
    Packed(Arc<Packed>, [usize; 2]),
}

impl Slot {
    pub(super) fn plain(tensor: Tensor<2>) -> Self {
        Self::Plain(Box::new(tensor))
    }
}

/// Which entries of an adapter's input are dropped: a constant mask, drawn by parameter. Drawn from names and places
/// alone, it is the same when a pass is computed again.
pub trait Drop: Send + Sync + std::fmt::Debug {
    /// What the input `[n, in]` of parameter `i` is multiplied by.
    fn mask(&self, i: usize, shape: [usize; 2]) -> Tensor<2>;
}

/// The tensors of one pass, in the order of the specs.
#[derive(Debug, Clone)]
pub struct Weights {
    slots: Vec<Slot>,
    adapters: Arc<Vec<Option<Adapter>>>,
    drop: Option<Arc<dyn Drop>>,
    device: Device,
}

impl Weights {
    pub(super) fn new(slots: Vec<Slot>, adapters: Arc<Vec<Option<Adapter>>>, device: &Device) -> Self {
        Self { slots, adapters, drop: None, device: device.clone() }
    }

    /// The same, with dropout at the adapters.
    #[must_use]
    pub fn with_drop(self, drop: Option<Arc<dyn Drop>>) -> Self {
        Self { drop, ..self }
    }

    /// One of them, without its adapter.
    #[must_use]
    pub fn get(&self, i: usize) -> Tensor<2> {
        match &self.slots[i] {
            Slot::Plain(t) => (**t).clone(),
            Slot::Packed(packed, shape) => tensor(packed.values(), *shape, &self.device),
        }
    }

    /// Rows of a table, `[rows, tokens, width]`, by `ids` `[rows, tokens]`.
    #[must_use]
    pub fn rows(&self, i: usize, ids: Tensor<2, Int>) -> Tensor<3> {
        match &self.slots[i] {
            Slot::Plain(table) => embedding((**table).clone(), ids),
            Slot::Packed(packed, [_, width]) => {
                let [rows, tokens] = ids.dims();
                let values = packed.rows(&crate::tensor::places(ids), *width);
                Tensor::from_data(TensorData::new(values, [rows, tokens, *width]), &self.device)
            }
        }
    }

    /// `x` `[n, in]` times parameter `i` and what its adapter adds: `[n, out]` (Hu et al., 2021, equation 3).
    #[must_use]
    pub fn apply(&self, i: usize, x: Tensor<2>) -> Tensor<2> {
        let y = x.clone().matmul(self.get(i));
        let Some(adapter) = self.adapters[i] else { return y };
        let seen = match &self.drop {
            Some(drop) => {
                let mask = drop.mask(i, x.dims());
                x * mask
            }
            None => x,
        };
        y + seen.matmul(self.get(adapter.down)).matmul(self.get(adapter.up)).mul_scalar(adapter.scale)
    }

    /// The tensor of a trained parameter, whose gradient a backward pass leaves; `None` for a packed one.
    #[must_use]
    pub fn leaf(&self, i: usize) -> Option<&Tensor<2>> {
        match &self.slots[i] {
            Slot::Plain(t) => Some(t),
            Slot::Packed(..) => None,
        }
    }
}
