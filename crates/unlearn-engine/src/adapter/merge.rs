//! Adapters into weights, and out again.

use crate::tensor::values;
use crate::{Decoder, Parameters};

/// The decoder's parameters with every adapter added to the weight that it stands beside: `W + scale · A·B` in memory's
/// layout, which is `W + scale · B·A` in the checkpoint's (Hu et al., 2021, section 4.1). All trainable, as float32.
#[must_use]
pub fn merged(decoder: &Decoder, parameters: &Parameters) -> Parameters {
    combined(decoder, parameters, 1.0)
}

/// The same with every adapter taken out of the weight that it was merged into, up to rounding.
#[must_use]
pub fn unmerged(decoder: &Decoder, parameters: &Parameters) -> Parameters {
    combined(decoder, parameters, -1.0)
}

fn combined(decoder: &Decoder, parameters: &Parameters, sign: f32) -> Parameters {
    let mut all = Parameters::empty(parameters.device());
    for (i, spec) in decoder.specs().iter().enumerate() {
        let mut values = parameters.values(i);
        if let Some(delta) = delta(parameters, i) {
            values.iter_mut().zip(delta).for_each(|(x, d)| *x += sign * d);
        }
        all.push(spec.clone(), values, None);
    }
    all
}

/// What the adapter of parameter `i` adds to it, in memory's layout; `None` where it has none.
pub(crate) fn delta(parameters: &Parameters, i: usize) -> Option<Vec<f32>> {
    let adapter = parameters.adapter(i)?;
    let weights = parameters.frozen();
    let product = weights.get(adapter.down).matmul(weights.get(adapter.up));
    Some(values(product.mul_scalar(adapter.scale)))
}
