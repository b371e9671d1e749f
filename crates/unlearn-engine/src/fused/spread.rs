//! What a distribution over the vocabulary is like, in two passes over its scores.

use pulp::{Arch, Simd, WithSimd};

use super::lanes::{greatest, moments_of_exp};

/// Of a row of scores.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Spread {
    /// The place of the greatest, the first of equals.
    pub(crate) best: usize,
    /// The logarithm of the sum of all exponentials.
    pub(crate) log_norm: f64,
    /// The mean log-probability under the distribution: minus its entropy, in nats.
    pub(crate) mean: f64,
    /// The standard deviation of the log-probability.
    pub(crate) deviation: f64,
}

impl Spread {
    pub(crate) fn of(scores: &[f32]) -> Self {
        Arch::new().dispatch(Looking(scores))
    }
}

struct Looking<'a>(&'a [f32]);

impl WithSimd for Looking<'_> {
    type Output = Spread;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Spread {
        let top = greatest(self.0);
        let [sum, first, second] = moments_of_exp(self.0, top);
        let mean = first / sum;
        Spread {
            best: self.0.iter().position(|&x| x == top).unwrap_or(0),
            log_norm: f64::from(top) + sum.ln(),
            mean: mean - sum.ln(),
            deviation: (second / sum - mean * mean).max(0.0).sqrt(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// One by one, in double precision.
    fn slowly(scores: &[f32]) -> [f64; 3] {
        let scores: Vec<f64> = scores.iter().map(|&x| f64::from(x)).collect();
        let top = scores.iter().copied().fold(f64::MIN, f64::max);
        let log_norm = top + scores.iter().map(|x| (x - top).exp()).sum::<f64>().ln();
        let of = |power: i32| -> f64 {
            let logs = scores.iter().map(|x| x - log_norm).filter(|log| log.is_finite());
            logs.map(|log| log.exp() * log.powi(power)).sum()
        };
        [log_norm, of(1), (of(2) - of(1) * of(1)).max(0.0).sqrt()]
    }

    proptest! {
        #[test]
        fn they_are_what_they_are_in_double_precision(
            mut scores in prop::collection::vec(-30f32..30.0, 1..5000), cut in prop::option::of(0usize..5000),
        ) {
            if let Some(scores) = cut.filter(|&cut| cut + 1 < scores.len()).map(|cut| &mut scores[..cut]) {
                scores.fill(f32::NEG_INFINITY);
            }
            let found = Spread::of(&scores);
            let best = scores.iter().copied().fold(f32::MIN, f32::max);
            prop_assert_eq!(Some(found.best), scores.iter().position(|&x| x == best));
            let right = slowly(&scores);
            for (x, y) in [found.log_norm, found.mean].iter().zip(&right) {
                prop_assert!((x - y).abs() < 1e-5 * y.abs().max(1.0), "{x} instead of {y}");
            }
            // Where all is with one token, a difference of near equals is left.
            prop_assert!((found.deviation - right[2]).abs() < 1e-3, "{} instead of {}", found.deviation, right[2]);
        }
    }

    #[test]
    fn what_is_no_number_stays_none() {
        let found = Spread::of(&[0.0, f32::NAN, 1.0]);
        assert!(found.log_norm.is_nan() && found.mean.is_nan());
        let found = Spread::of(&[f32::INFINITY, 0.0]);
        assert!(found.log_norm.is_nan() || found.log_norm.is_infinite());
    }
}
