//! What happens during a run, one JSON object a line in `events.jsonl`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::recipe::Seen;

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
    /// The model was looked at.
    Watch(Watch),
    /// The training ended before its last step.
    Stopped {
        /// Steps taken.
        step: usize,
        /// Why.
        reason: StopReason,
    },
    /// The weights that a watched run ends with.
    Kept {
        /// The step after which the model had them.
        step: usize,
        /// Why these.
        by: KeptBy,
    },
    /// The run went on after an interruption.
    Resumed {
        /// The first step that is taken again.
        step: usize,
    },
}

/// What a look at the model showed, on the watched rows.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Watch {
    /// Steps taken before.
    pub step: usize,
    /// Mean answer probability on the forget rows.
    #[serde(rename = "forget/probability")]
    pub forget: f64,
    /// Mean answer probability on the retain rows, where there are some.
    #[serde(rename = "retain/probability")]
    pub retain: Option<f64>,
    /// Divergence of the model from the reference on the retain rows: nats per supervised token, where it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disruption: Option<f64>,
}

impl Watch {
    /// Its probabilities.
    #[must_use]
    pub fn seen(&self) -> Seen {
        Seen { forget: self.forget, retain: self.retain }
    }
}

/// Why training ended before its last step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StopReason {
    /// No better point for `watch.patience` points.
    Patience,
    /// The forget probability fell below `watch.forget_below`.
    ForgetBelow,
    /// The disruption exceeded `watch.disruption`.
    Disruption,
}

/// Why a watched run ended with certain weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeptBy {
    /// They are the last (within the disruption budget, where there is one).
    Last,
    /// They are the best by the rule.
    Best,
    /// The best were wanted, but no point qualified: they are the last.
    NoneQualified,
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
