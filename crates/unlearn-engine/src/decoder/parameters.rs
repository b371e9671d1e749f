//! Named parameters and the tensors that one pass works with.

use burn::tensor::{Device, Tensor, TensorData};

/// How a parameter lies in the checkpoint, seen from how it lies in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// As it is: an embedding `[vocabulary, width]`.
    Rows,
    /// A linear layer: `[out, in]` on disk, `[in, out]` in memory, so that neither pass needs a transposition.
    Linear,
    /// A vector of `n` on disk, `[1, n]` in memory.
    Vector,
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

/// A model's parameters: float32 master copies, in a fixed order.
#[derive(Debug, Clone)]
pub struct Parameters {
    specs: Vec<Spec>,
    tensors: Vec<Tensor<2>>,
    device: Device,
}

impl Parameters {
    /// Parameters from values in memory's layout, one vector for each spec.
    #[must_use]
    pub fn new(specs: Vec<Spec>, values: Vec<Vec<f32>>, device: &Device) -> Self {
        let tensors = specs.iter().zip(values).map(|(s, v)| tensor(v, s.shape, device)).collect();
        Self { specs, tensors, device: device.clone() }
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

    /// A copy of one parameter's values, in memory's layout.
    #[must_use]
    pub fn values(&self, i: usize) -> Vec<f32> {
        crate::tensor::values(self.tensors[i].clone())
    }

    /// Changes one parameter's values in place (memory's layout).
    pub fn update(&mut self, i: usize, change: impl FnOnce(&mut [f32])) {
        let empty = Tensor::empty([1, 1], &self.device);
        let mut values = crate::tensor::values(std::mem::replace(&mut self.tensors[i], empty));
        change(&mut values);
        self.tensors[i] = tensor(values, self.specs[i].shape, &self.device);
    }

    /// The tensors for a pass that takes no gradient.
    #[must_use]
    pub fn frozen(&self) -> Weights {
        Weights(self.tensors.clone())
    }

    /// The tensors for a pass whose gradient is wanted: fresh leaves of a new graph.
    #[must_use]
    pub fn tracked(&self) -> Weights {
        Weights(self.tensors.iter().map(|t| t.clone().autodiff().require_grad()).collect())
    }
}

fn tensor(values: Vec<f32>, shape: [usize; 2], device: &Device) -> Tensor<2> {
    Tensor::from_data(TensorData::new(values, shape), device)
}

/// The tensors of one pass, in the order of the specs.
#[derive(Debug, Clone)]
pub struct Weights(pub(crate) Vec<Tensor<2>>);

impl Weights {
    /// One of them.
    #[must_use]
    pub fn get(&self, i: usize) -> Tensor<2> {
        self.0[i].clone()
    }

    /// All of them.
    #[must_use]
    pub fn tensors(&self) -> &[Tensor<2>] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_linear_layer_is_transposed_and_back() {
        let spec = Spec { name: "w".into(), shape: [70, 35], layout: Layout::Linear };
        let disk: Vec<f32> = (0..70 * 35).map(|i| i as f32).collect();
        let memory = spec.from_disk(disk.clone());
        assert_eq!(spec.disk_shape(), [35, 70]);
        assert_eq!(memory[35 * 2 + 1], disk[70 + 2]);
        assert_eq!(spec.to_disk(memory), disk);
    }
}
