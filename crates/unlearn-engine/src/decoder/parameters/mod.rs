//! Named parameters and the tensors that one pass works with.

mod builder;
mod matrix;
mod packed;
mod spec;
mod weights;

use std::sync::Arc;

use burn::tensor::{Device, Tensor, TensorData};

pub(super) use builder::Builder;
pub(super) use matrix::Matrix;
pub use packed::{Packed, Packing};
pub use spec::{Layout, Role, Spec};
pub use weights::{Drop, Trace, Weights};

use weights::Slot;

/// A low-rank adapter beside a linear layer: which parameters it consists of, and how it is weighed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Adapter {
    /// The parameter `A`, `[in, rank]` in memory.
    pub down: usize,
    /// The parameter `B`, `[rank, out]` in memory.
    pub up: usize,
    /// `alpha / rank`, or `alpha / sqrt(rank)`.
    pub scale: f64,
}

/// A model's parameters in a fixed order: those of the decoder, then those of its adapters. Trained ones are float32
/// master copies; frozen ones may be packed.
#[derive(Debug, Clone)]
pub struct Parameters {
    specs: Vec<Spec>,
    values: Vec<Slot>,
    trained: Vec<bool>,
    adapters: Arc<Vec<Option<Adapter>>>,
    device: Device,
}

impl Parameters {
    /// None yet.
    #[must_use]
    pub fn empty(device: &Device) -> Self {
        let (specs, values, trained) = (Vec::new(), Vec::new(), Vec::new());
        Self { specs, values, trained, adapters: Arc::default(), device: device.clone() }
    }

    /// Parameters from values in memory's layout, one vector for each spec; all trained.
    #[must_use]
    pub fn new(specs: Vec<Spec>, values: Vec<Vec<f32>>, device: &Device) -> Self {
        let mut all = Self::empty(device);
        for (spec, values) in specs.into_iter().zip(values) {
            all.push(spec, values, None);
        }
        all
    }

    /// Adds a parameter; a frozen one with how it is kept.
    pub fn push(&mut self, spec: Spec, values: Vec<f32>, frozen: Option<Packing>) {
        self.values.push(match frozen {
            // Packed matrices lie in the processor's memory.
            Some(packing) if packing != Packing::F32 && spec.is_matrix() && self.device == Device::flex() => {
                Slot::Packed(Arc::new(Packed::new(packing, &values)), spec.shape)
            }
            _ => Slot::plain(tensor(values, spec.shape, &self.device)),
        });
        self.specs.push(spec);
        self.trained.push(frozen.is_none());
        Arc::make_mut(&mut self.adapters).push(None);
    }

    /// What each one is.
    #[must_use]
    pub fn specs(&self) -> &[Spec] {
        &self.specs
    }

    /// Where they are.
    #[must_use]
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Values in all of them.
    #[must_use]
    pub fn count(&self) -> usize {
        self.specs.iter().map(Spec::len).sum()
    }

    /// The trained ones, by place.
    #[must_use]
    pub fn trained(&self) -> Vec<usize> {
        (0..self.specs.len()).filter(|&i| self.trained[i]).collect()
    }

    /// Whether one is trained.
    #[must_use]
    pub fn is_trained(&self, i: usize) -> bool {
        self.trained[i]
    }

    /// Chooses whether a plain parameter is trained.
    pub fn set_trained(&mut self, i: usize, trained: bool) {
        self.trained[i] = trained && matches!(self.values[i], Slot::Plain(_));
    }

    /// The adapter of a parameter.
    #[must_use]
    pub fn adapter(&self, i: usize) -> Option<Adapter> {
        self.adapters.get(i).copied().flatten()
    }

    /// The lowest layer that has a trained parameter; 0 where the embedding is trained, `None` where nothing below
    /// the final norm is.
    #[must_use]
    pub fn lowest_trained_layer(&self) -> Option<usize> {
        self.trained().into_iter().filter_map(|i| self.specs[i].first_layer()).min()
    }

    /// A copy of one parameter's values, in memory's layout.
    #[must_use]
    pub fn values(&self, i: usize) -> Vec<f32> {
        match &self.values[i] {
            Slot::Plain(t) => crate::tensor::values((**t).clone()),
            Slot::Packed(packed, _) => packed.values(),
        }
    }

    /// Changes one parameter's values in place (memory's layout).
    pub fn update(&mut self, i: usize, change: impl FnOnce(&mut [f32])) {
        let shape = self.specs[i].shape;
        let old = std::mem::replace(&mut self.values[i], Slot::plain(Tensor::empty([1, 1], &self.device)));
        let mut values = match old {
            Slot::Plain(t) => crate::tensor::values(*t),
            Slot::Packed(packed, _) => packed.values(),
        };
        change(&mut values);
        self.values[i] = Slot::plain(tensor(values, shape, &self.device));
    }

    /// Attaches an adapter to parameter `i`: trained `A` and `B` in memory's layout.
    pub fn attach(&mut self, i: usize, [down, up]: [(Spec, Vec<f32>); 2], scale: f64) {
        let place = self.specs.len();
        self.push(down.0, down.1, None);
        self.push(up.0, up.1, None);
        Arc::make_mut(&mut self.adapters)[i] = Some(Adapter { down: place, up: place + 1, scale });
    }

    /// All of them in float32, and trained.
    #[must_use]
    pub fn unfrozen(mut self) -> Self {
        for slot in &mut self.values {
            if let Slot::Packed(packed, shape) = slot {
                *slot = Slot::plain(tensor(packed.values(), *shape, &self.device));
            }
        }
        self.trained.fill(true);
        self
    }

    /// The tensors for a pass that takes no gradient.
    #[must_use]
    pub fn frozen(&self) -> Weights {
        Weights::new(self.values.clone(), Arc::clone(&self.adapters), &self.device)
    }

    /// The tensors for a pass whose gradient is wanted: those that are trained are fresh leaves of a new graph.
    #[must_use]
    pub fn tracked(&self) -> Weights {
        let track = |(slot, &trained): (&Slot, &bool)| match slot {
            Slot::Plain(t) if trained => Slot::plain((**t).clone().autodiff().require_grad()),
            other => other.clone(),
        };
        let slots = self.values.iter().zip(&self.trained).map(track).collect();
        Weights::new(slots, Arc::clone(&self.adapters), &self.device)
    }

    /// Bytes that they take in memory.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let sizes = self.values.iter().zip(&self.specs).map(|(slot, spec)| match slot {
            Slot::Plain(_) => 4 * spec.len(),
            Slot::Packed(packed, _) => packed.bytes(),
        });
        sizes.sum()
    }
}

fn tensor(values: Vec<f32>, shape: [usize; 2], device: &Device) -> Tensor<2> {
    Tensor::from_data(TensorData::new(values, shape), device)
}
