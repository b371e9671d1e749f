//! What was seen of a model, and what that says: observations are made once per subject and set, metrics are pure
//! functions of them.

mod about;
pub mod attacks;
pub mod benchmarks;
mod error;
mod evaluate;
mod gap;
mod glance;
pub mod meta;
pub mod metrics;
mod needs;
pub mod observation;
pub mod observe;
mod score;
mod set;
mod verdict;

pub use error::EvalError;
pub use evaluate::{Progress, answers, look, separate_tokens, take};
pub use gap::add_gaps;
pub use glance::mean_probability;
pub use needs::Needs;
pub use observation::Observations;
pub use observe::{Beside, Looked, Observer, Shadow, Store};
pub use set::{EvalSet, selected};
pub use verdict::judge;
