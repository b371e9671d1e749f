//! Taking directions out of what changed.

use crate::linalg::svd;
use crate::{EngineError, LanguageModel};

/// A model without the `rank` leading singular directions of each matrix's difference to another model's, inside the
/// blocks; and the share of the differences' squared norm that is left.
///
/// # Errors
/// When a difference is not a number.
pub fn without_leading(
    model: &LanguageModel,
    other: &LanguageModel,
    rank: usize,
    seed: u64,
) -> Result<(LanguageModel, f64), EngineError> {
    let mut changed = model.clone();
    let (mut all, mut left) = (0.0f64, 0.0f64);
    for (i, spec) in model.parameters.specs().iter().enumerate() {
        if !spec.is_linear() {
            continue;
        }
        let (own, theirs) = (model.parameters.values(i), other.parameters.values(i));
        let mut difference: Vec<f32> = own.iter().zip(&theirs).map(|(a, b)| a - b).collect();
        let square = |values: &[f32]| values.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>();
        all += square(&difference);
        let rank = rank.min(spec.shape[0].min(spec.shape[1]));
        let found = svd(&difference, spec.shape, rank, seed)?;
        let cols = spec.shape[1];
        for ((u, s), v) in found.u.iter().zip(&found.s).zip(&found.v) {
            for (row, u) in difference.chunks_mut(cols).zip(u) {
                row.iter_mut().zip(v).for_each(|(d, v)| *d -= (f64::from(*u) * s * f64::from(*v)) as f32);
            }
        }
        left += square(&difference);
        changed.parameters.update(i, |values| {
            values.iter_mut().zip(theirs.iter().zip(&difference)).for_each(|(w, (b, d))| *w = b + d);
        });
    }
    Ok((changed, if all > 0.0 { left / all } else { 0.0 }))
}
