//! A quick look at a subject: one number of one set.

use unlearn_data::{Encoder, Row};
use unlearn_engine::LanguageModel;

use crate::evaluate::TOKENS_AT_ONCE;
use crate::metrics::probability;
use crate::observation::Effort;
use crate::{EvalError, observe};

/// The value of the metric `probability` on some rows of a set; `None` where it can be taken of none.
///
/// # Errors
/// When a row does not fit the subject, or its answers are not numbers.
pub fn mean_probability(
    model: &LanguageModel,
    encoder: &Encoder,
    set: &str,
    rows: &[Row],
) -> Result<Option<f64>, EvalError> {
    let metric = &probability::METRIC;
    let effort = Effort { tokens: TOKENS_AT_ONCE, batch_size: 1, max_new_tokens: 0 };
    let seen = observe(model, encoder, set, rows, metric.needs, effort, &mut |_| ())?;
    let known: Vec<f64> = (metric.score)(&seen).into_iter().flatten().collect();
    Ok((!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64))
}
