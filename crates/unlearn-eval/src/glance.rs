//! A quick look at a subject: one number of one set.

use unlearn_data::{Encoder, Row};
use unlearn_engine::LanguageModel;

use crate::metrics::probability;
use crate::observe::{Effort, Observer, Store};
use crate::{EvalError, EvalSet, Needs};

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
    let effort = Effort::default();
    let observer = Observer { model, guard: None, encoder, digest: String::new(), store: Store::none(), effort };
    let seen = observer.observe(&EvalSet::new(set, rows.to_vec()), Needs::ANSWER, &mut |_| ())?;
    let known: Vec<f64> = probability::of(&seen).into_iter().flatten().collect();
    Ok((!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64))
}
