//! Which part of the data a person or a row belongs to.

use serde::{Deserialize, Serialize};

/// A part of the data; see the [module](super).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Split {
    /// Its influence must go.
    Forget,
    /// It must keep working.
    Retain,
    /// It must keep working, and is close to what must go.
    Neighbour,
    /// No model saw it.
    Holdout,
}

impl Split {
    /// All splits, in order.
    pub const ALL: [Self; 4] = [Self::Forget, Self::Retain, Self::Neighbour, Self::Holdout];

    /// The name, which is also the stem of its file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Forget => "forget",
            Self::Retain => "retain",
            Self::Neighbour => "neighbour",
            Self::Holdout => "holdout",
        }
    }

    /// Whether what is in it must keep working.
    pub(super) fn is_kept(self) -> bool {
        matches!(self, Self::Retain | Self::Neighbour)
    }

    /// Whether a row of this split may name what is in `other`.
    pub(super) fn may_name(self, other: Self) -> bool {
        other.is_kept() || other == self
    }
}
