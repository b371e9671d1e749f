//! Membership attacks: from a subject's answers alone, was it trained on these rows? One file each.
//!
//! A row's score is *higher* where it is *less* likely to have been learned. The value is the area under the ROC curve
//! of holdout against forget rows: 1 where the forget rows look learned, 0.5 where nothing tells them from rows that no
//! model saw, below where they are shunned. It is read against the retrained model's, which is not 0.5 where the two
//! sets differ by themselves.

pub(super) mod gradient_norm;
pub(super) mod lira;
pub(super) mod loss;
pub(super) mod min_k;
pub(super) mod min_k_plus_plus;
pub(super) mod reference;
pub(super) mod rmia;
mod shadows;
pub(super) mod zlib;

use crate::observation::Tokens;

/// The share of an answer's tokens that count, the least likely ones.
const SHARE: f64 = 0.4;

/// Minus the mean of the lowest share of some values of an answer's tokens, its end left out: at least one.
fn lowest(tokens: &Tokens, value: impl Fn(usize) -> f64) -> Option<f64> {
    let mut values: Vec<f64> = tokens.without_end().map(value).collect();
    values.sort_by(f64::total_cmp);
    let n = ((values.len() as f64 * SHARE) as usize).max(1);
    (!values.is_empty()).then(|| -values[..n].iter().sum::<f64>() / n as f64)
}
