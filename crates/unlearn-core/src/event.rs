//! What happens during a run, one JSON object a line in `events.jsonl`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One line of `events.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// A phase of the run began: `alternates`, `reference`, `train`, `evaluate`, `save`.
    Phase {
        /// Its name.
        name: String,
    },
    /// An optimiser step was taken.
    Step(Step),
    /// The run went on after an interruption.
    Resumed {
        /// The first step that is taken again.
        step: usize,
    },
}

/// What one optimiser step did.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Counted from 1.
    pub step: usize,
    /// Passes over the forget set (of `train`: over the data) so far.
    pub epoch: f64,
    /// The whole loss.
    pub loss: f64,
    /// Each term of it, unweighted, by name.
    pub terms: BTreeMap<String, f64>,
    /// Learning rate of this step.
    pub learning_rate: f64,
    /// Norm of the gradient before clipping.
    pub grad_norm: f64,
    /// Tokens processed in this step, padding not counted.
    pub tokens: usize,
    /// Seconds this step took.
    pub seconds: f64,
}
