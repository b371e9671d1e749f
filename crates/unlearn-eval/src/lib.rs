//! What was seen of a model, and what that says: observations are made once per subject and set, metrics are pure
//! functions of them.

mod error;
mod evaluate;
mod glance;
pub mod metrics;
mod observation;

pub use error::EvalError;
pub use evaluate::{EvalSet, Evaluation, Progress, evaluate, selected};
pub use glance::mean_probability;
pub use observation::{Effort, Needs, Observations, observe};
