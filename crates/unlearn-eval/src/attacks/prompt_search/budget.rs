//! What a search may cost, and what it did cost.

use serde::{Deserialize, Serialize};

/// What a search may cost; it stops at the first of these that is used up, and none is exceeded but the seconds, which
/// are looked at between steps: a step is not begun where one as long as the longest so far would pass them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Budget {
    /// Steps, in place of the search's own number.
    pub steps: Option<usize>,
    /// Prompts whose loss is computed; one for each row that it is tried on.
    pub queries: Option<usize>,
    /// Tokens that go through the model; those of a pass with its way back count three times.
    pub forward_tokens: Option<usize>,
    /// Seconds from where the search begins or goes on. A search that this stops is not the same at another time.
    pub seconds: Option<f64>,
}

/// What a search did cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spent {
    /// Steps taken.
    pub steps: usize,
    /// As [`Budget::queries`].
    pub queries: usize,
    /// As [`Budget::forward_tokens`].
    pub forward_tokens: usize,
}

/// Why a search ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stop {
    /// All steps were taken.
    Steps,
    /// [`Budget::queries`].
    Queries,
    /// [`Budget::forward_tokens`].
    ForwardTokens,
    /// [`Budget::seconds`].
    Seconds,
    /// The target is what the model says, and that was to be the end.
    Reached,
    /// Whoever watches it said so.
    Asked,
}

/// The loss after a step.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Steps, from 0 for the prompt that the search began with.
    pub step: usize,
    /// As [`Spent::queries`].
    pub queries: usize,
    /// As [`Spent::forward_tokens`].
    pub forward_tokens: usize,
    /// Of the prompt that the step went on with, in nats per target token.
    pub loss: f64,
    /// The lowest so far.
    pub best: f64,
}

impl Budget {
    /// What is used up, of `steps` steps unless the budget says otherwise; `next` is what the next step takes at least.
    pub(super) fn used_up(&self, spent: &Spent, steps: usize, next: &Spent, seconds: f64) -> Option<Stop> {
        let beyond = |limit: Option<usize>, spent: usize, next: usize| limit.is_some_and(|most| spent + next > most);
        if spent.steps + next.steps > self.steps.unwrap_or(steps) {
            Some(Stop::Steps)
        } else if beyond(self.queries, spent.queries, next.queries) {
            Some(Stop::Queries)
        } else if beyond(self.forward_tokens, spent.forward_tokens, next.forward_tokens) {
            Some(Stop::ForwardTokens)
        } else if self.seconds.is_some_and(|most| seconds >= most) {
            Some(Stop::Seconds)
        } else {
            None
        }
    }
}
