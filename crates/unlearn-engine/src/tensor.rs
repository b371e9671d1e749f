//! What the rest of the workspace needs of the tensor library, under this crate's own path.

use burn::tensor::activation;
pub use burn::tensor::activation::{log_sigmoid, relu, softmax, softplus};
pub use burn::tensor::{Bool, Device, Int, Tensor, TensorData};

use crate::fused;

/// The logarithm of softmax over axis `dim`; in one pass over the last.
#[must_use]
pub fn log_softmax<const D: usize>(tensor: Tensor<D>, dim: usize) -> Tensor<D> {
    let shape = tensor.dims();
    if dim + 1 != D {
        return activation::log_softmax(tensor, dim);
    }
    let n = shape[..dim].iter().product();
    fused::log_softmax(tensor.reshape([n, shape[dim]])).reshape(shape)
}

/// A float tensor's values on the host, row by row.
///
/// # Panics
/// When the device cannot be read, which no CPU does.
#[must_use]
pub fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_into_vec::<f32>().unwrap_or_else(|e| panic!("a float tensor holds f32: {e:?}"))
}

/// An integer tensor's values on the host, row by row.
///
/// # Panics
/// When the device cannot be read, which no CPU does.
#[must_use]
pub fn places<const D: usize>(tensor: Tensor<D, Int>) -> Vec<usize> {
    tensor.into_data().iter::<i64>().map(|i| i as usize).collect()
}

/// The value of a tensor with one element.
#[must_use]
pub fn scalar(tensor: Tensor<1>) -> f64 {
    values(tensor).first().map_or(f64::NAN, |&x| f64::from(x))
}

/// A constant matrix `[rows, cols]` from host values.
#[must_use]
pub fn matrix(values: Vec<f32>, rows: usize, cols: usize, device: &Device) -> Tensor<2> {
    Tensor::from_data(TensorData::new(values, [rows, cols]), device)
}

/// A constant vector from host values.
#[must_use]
pub fn vector(values: Vec<f32>, device: &Device) -> Tensor<1> {
    let n = values.len();
    Tensor::from_data(TensorData::new(values, [n]), device)
}

/// A vector of indices.
#[must_use]
pub fn indices(values: Vec<i64>, device: &Device) -> Tensor<1, Int> {
    let n = values.len();
    Tensor::from_data(TensorData::new(values, [n]), device)
}

/// A constant `[n, classes]` that is 1 at each row's class, 0 elsewhere.
#[must_use]
pub fn one_hot(classes_of: Tensor<1, Int>, classes: usize) -> Tensor<2> {
    let ([n], device) = (classes_of.dims(), classes_of.device());
    let mut values = vec![0.0; n * classes];
    for (row, class) in places(classes_of.reshape([n, 1])).into_iter().enumerate() {
        values[row * classes + class] = 1.0;
    }
    matrix(values, n, classes, &device)
}
