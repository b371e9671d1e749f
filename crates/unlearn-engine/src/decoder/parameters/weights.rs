//! The tensors of one pass.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use burn::tensor::module::embedding;
use burn::tensor::{Device, Int, Tensor, TensorData};

use super::{Adapter, Matrix, Packed, tensor};
use crate::fused::{Held, low_rank};

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

/// What goes into some linear layers of a pass, and places where the gradients of what comes out will be found.
#[derive(Debug, Default)]
pub struct Trace {
    wanted: BTreeSet<usize>,
    seen: Mutex<BTreeMap<usize, (Tensor<2>, Tensor<2>)>>,
}

impl Trace {
    /// Of these parameters.
    #[must_use]
    pub fn of(wanted: impl IntoIterator<Item = usize>) -> Self {
        Self { wanted: wanted.into_iter().collect(), seen: Mutex::default() }
    }

    /// What was seen of each parameter: its input `[n, in]`, and a leaf `[n, out]` whose gradient is its output's.
    #[must_use]
    pub fn take(&self) -> BTreeMap<usize, (Tensor<2>, Tensor<2>)> {
        std::mem::take(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Adds a zero to an output, and keeps it.
    fn output(&self, i: usize, x: &Tensor<2>, y: Tensor<2>) -> Tensor<2> {
        if !self.wanted.contains(&i) {
            return y;
        }
        let leaf = Tensor::zeros(y.dims(), &y.device()).autodiff().require_grad();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.insert(i, (x.clone().detach(), leaf.clone()));
        y + leaf
    }
}

/// The tensors of one pass, in the order of the specs.
#[derive(Debug, Clone)]
pub struct Weights {
    slots: Vec<Slot>,
    adapters: Arc<Vec<Option<Adapter>>>,
    drop: Option<Arc<dyn Drop>>,
    trace: Option<Arc<Trace>>,
    writing: bool,
    device: Device,
}

impl Weights {
    pub(super) fn new(slots: Vec<Slot>, adapters: Arc<Vec<Option<Adapter>>>, device: &Device) -> Self {
        Self { slots, adapters, drop: None, trace: None, writing: false, device: device.clone() }
    }

    /// The same, with dropout at the adapters.
    #[must_use]
    pub fn with_drop(self, drop: Option<Arc<dyn Drop>>) -> Self {
        Self { drop, ..self }
    }

    /// The same, for answers that are being written: products of a few rows are taken in float32, in the time that it
    /// takes to read a matrix once; their sums run in another order than elsewhere.
    #[must_use]
    pub fn writing(self) -> Self {
        Self { writing: true, ..self }
    }

    /// The same, with a trace of some linear layers.
    #[must_use]
    pub fn with_trace(self, trace: Arc<Trace>) -> Self {
        Self { trace: Some(trace), ..self }
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

    /// Parameter `i` as a matrix that states are multiplied by.
    pub(in crate::decoder) fn matrix(&self, i: usize) -> Matrix {
        match &self.slots[i] {
            Slot::Plain(t) => Matrix::Plain((**t).clone(), false),
            Slot::Packed(packed, shape) => Matrix::Held(Held::new(Arc::clone(packed), *shape), self.device.clone()),
        }
    }

    /// Whether these are [`Self::writing`].
    pub(in crate::decoder) fn are_writing(&self) -> bool {
        self.writing
    }

    /// `x` `[n, in]` times parameter `i` and what its adapter adds: `[n, out]` (Hu et al., 2021, equation 3).
    #[must_use]
    pub fn apply(&self, i: usize, x: Tensor<2>) -> Tensor<2> {
        let y = self.matrix(i).of(x.clone(), self.writing);
        let y = match &self.trace {
            Some(trace) => trace.output(i, &x, y),
            None => y,
        };
        let Some(adapter) = self.adapters[i] else { return y };
        let seen = match &self.drop {
            Some(drop) => {
                let mask = drop.mask(i, x.dims());
                x * mask
            }
            None => x,
        };
        low_rank(y, seen, [adapter.down, adapter.up].map(|part| self.get(part)), adapter.scale)
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
