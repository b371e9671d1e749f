//! What someone does to the stream behind a block while the model works.

use burn::tensor::{Tensor, TensorData};

/// A change of the stream, the same at every token.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// This is added.
    Add(Vec<f32>),
    /// What lies along this direction, of length 1, is taken out: `h - (h · r) r`.
    Remove(Vec<f32>),
}

impl Change {
    /// Taking out what lies along a direction of any length; none where it has none.
    #[must_use]
    pub fn removing(direction: &[f64]) -> Option<Self> {
        let norm = direction.iter().map(|x| x * x).sum::<f64>().sqrt();
        let unit = || direction.iter().map(|x| (x / norm) as f32).collect();
        (norm > 0.0 && norm.is_finite()).then(|| Self::Remove(unit()))
    }

    /// Of states `[n, width]`, the same shape.
    #[must_use]
    pub fn apply(&self, x: Tensor<2>) -> Tensor<2> {
        let (Self::Add(values) | Self::Remove(values)) = self;
        let vector: Tensor<2> = Tensor::from_data(TensorData::new(values.clone(), [1, values.len()]), &x.device());
        match self {
            Self::Add(_) => x + vector,
            Self::Remove(_) => {
                let along = x.clone().matmul(vector.clone().transpose());
                x - along.matmul(vector)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use unlearn_core::seed;

    use super::*;
    use crate::tensor::{matrix, values};

    proptest! {
        #[test]
        fn what_is_taken_out_is_gone_and_stays_gone(draw in 0u64..1000, n in 1usize..5, width in 2usize..40) {
            let direction = seed::normal(draw, "direction", width);
            let states: Vec<f32> = seed::normal(draw, "states", n * width).into_iter().map(|x| x as f32).collect();
            let change = Change::removing(&direction).expect("a direction");
            let once = change.apply(matrix(states.clone(), n, width, &crate::tensor::Device::flex()));
            let twice = values(change.apply(once.clone()));
            let once = values(once);
            let norm = direction.iter().map(|x| x * x).sum::<f64>().sqrt();
            for (h, was) in once.chunks(width).zip(states.chunks(width)) {
                let along = |h: &[f32]| h.iter().zip(&direction).map(|(x, r)| f64::from(*x) * r / norm).sum::<f64>();
                prop_assert!(along(h).abs() < 1e-5, "{}", along(h));
                // What is orthogonal to it is what it was.
                let (lost, length) = (along(was), |h: &[f32]| h.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>());
                prop_assert!((length(was) - lost * lost - length(h)).abs() < 1e-4);
            }
            prop_assert!(once.iter().zip(&twice).all(|(a, b)| (a - b).abs() < 1e-5));
        }
    }

    #[test]
    fn no_direction_is_none() {
        assert_eq!(Change::removing(&[0.0, 0.0]), None);
        assert_eq!(Change::removing(&[f64::NAN, 1.0]), None);
        assert_eq!(Change::removing(&[3.0, 4.0]), Some(Change::Remove(vec![0.6, 0.8])));
    }
}
