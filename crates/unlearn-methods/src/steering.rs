//! The direction into which representations are steered.

use unlearn_core::seed;
use unlearn_engine::EngineError;
use unlearn_engine::tensor::{Device, Tensor, matrix};
use unlearn_engine::train::Setup;

/// A direction of unit length: the given one, or one drawn from `[0, 1)` in each coordinate.
pub(crate) fn direction(given: &[f64], setup: &Setup<'_>) -> Result<Vec<f64>, EngineError> {
    let width = setup.config.hidden_size;
    let drawn = if given.is_empty() { seed::uniform(setup.seed, "steering", width) } else { given.to_vec() };
    let length = drawn.iter().map(|x| x * x).sum::<f64>().sqrt();
    if drawn.len() != width || !(length > 0.0 && length.is_finite()) {
        let reason = format!("{width} numbers are needed that are not all 0, not {}", drawn.len());
        return Err(EngineError::method("method.direction", reason, "leave it out to draw one from the seed"));
    }
    Ok(drawn.iter().map(|x| x / length).collect())
}

/// The direction, this long: `[1, width]`.
pub(crate) fn row(direction: &[f64], length: f64, device: &Device) -> Tensor<2> {
    let values: Vec<f32> = direction.iter().map(|x| (x * length) as f32).collect();
    let width = values.len();
    matrix(values, 1, width, device)
}

#[cfg(test)]
mod tests {
    use super::*;
    use unlearn_engine::tensor::values;

    #[test]
    fn a_row_is_as_long_as_asked() {
        let drawn = seed::uniform(3, "steering", 40);
        assert!(drawn.iter().all(|x| (0.0..1.0).contains(x)), "it leaves the positive orthant");
        let length = drawn.iter().map(|x| x * x).sum::<f64>().sqrt();
        let unit: Vec<f64> = drawn.iter().map(|x| x / length).collect();
        let row = values(row(&unit, 6.5, &Device::flex()));
        let length = row.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>().sqrt();
        assert!((length - 6.5).abs() < 1e-5, "{length}");
    }
}
