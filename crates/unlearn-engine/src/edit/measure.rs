//! What an edit measures of the model as it goes.

use unlearn_core::recipe::TrainSection;
use unlearn_data::TokenRow;

use crate::batch::Which;
use crate::likelihood::score_rows;
use crate::{EngineError, LanguageModel};

/// The feed-forward matrices of the layers that `[train]` chooses, by place.
///
/// # Errors
/// When it chooses none.
pub fn mlp_layers(model: &LanguageModel, train: &TrainSection) -> Result<Vec<usize>, EngineError> {
    let chosen = |i: &usize| {
        let spec = &model.decoder.specs()[*i];
        spec.name.contains("mlp") && spec.layer.is_some_and(|layer| train.layers.holds(layer))
    };
    let places: Vec<usize> = crate::adapter::linear_layers(&model.decoder).into_iter().filter(chosen).collect();
    if places.is_empty() {
        let hint = "widen `train.layers`".to_owned();
        return Err(EngineError::selection("train.layers", "no feed-forward layer is chosen".to_owned(), hint));
    }
    Ok(places)
}

/// The negative log-likelihood of rows, mean over supervised tokens.
#[must_use]
pub fn loss_on(model: &LanguageModel, rows: &[TokenRow], budget: usize) -> f64 {
    let scores = score_rows(model, rows, Which::Supervised, budget, |_| ());
    let (n, sum) = scores.iter().flatten().fold((0usize, 0.0), |(n, sum), &x| (n + 1, sum - f64::from(x)));
    sum / n.max(1) as f64
}

/// The largest factor at which `measure` stays within `budget`, to a thousandth: doubled until it is exceeded, then
/// bisected. What is no number exceeds it.
///
/// # Errors
/// What `measure` says; when no factor moves it.
pub fn line_search(budget: f64, mut measure: impl FnMut(f64) -> Result<f64, EngineError>) -> Result<f64, EngineError> {
    let (mut within, mut beyond) = (0.0, 1.0);
    let mut exceeds =
        |way: f64| -> Result<bool, EngineError> { Ok(measure(way)?.partial_cmp(&budget).is_none_or(|o| o.is_gt())) };
    for _ in 0..60 {
        if exceeds(beyond)? {
            let first = within == 0.0;
            while beyond - within > 1e-3 * beyond && beyond > 1e-30 {
                let middle = if first && within == 0.0 { beyond / 4.0 } else { 0.5 * (within + beyond) };
                if exceeds(middle)? { beyond = middle } else { within = middle }
            }
            return Ok(within);
        }
        within = beyond;
        beyond *= 2.0;
    }
    let hint = "the forget set may be learned so well that its gradient is nothing, or `method.rank` too large";
    Err(EngineError::method("method.disruption", "no step in the direction that was found changes the model", hint))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_factor_within_the_budget_is_found() {
        for edge in [1e-6, 0.3, 1.0, 12.5, 4e5] {
            let found = line_search(1.0, |x| Ok((x / edge).powi(2))).expect("a factor");
            assert!((0.998..=1.0).contains(&(found / edge)), "{found} of {edge}");
        }
        assert!(line_search(1.0, |_| Ok(0.0)).is_err());
        let found = line_search(1.0, |x| Ok(if x > 3.0 { f64::NAN } else { 0.0 })).expect("a factor");
        assert!((2.99..=3.0).contains(&found));
    }
}
