use thiserror::Error;
use unlearn_core::{FileError, UnknownName};
use unlearn_data::DataError;
use unlearn_engine::EngineError;

/// What can go wrong while a subject is examined.
#[derive(Debug, Error)]
pub enum EvalError {
    /// No metric has this name.
    #[error(transparent)]
    Unknown(#[from] UnknownName),
    /// The data does not fit the subject.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The subject failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// What was seen could not be kept.
    #[error(transparent)]
    File(#[from] FileError),
    /// The subject's answers are no longer numbers.
    #[error("the subject is broken: a log-probability of row {row} of `{set}` is not a number")]
    NotFinite {
        /// The set.
        set: String,
        /// The row, from 1.
        row: usize,
    },
    /// A setting of an attack that cannot be.
    #[error("`{field} = {value}` is not possible: {reason}")]
    Attack {
        /// The field.
        field: &'static str,
        /// As given.
        value: String,
        /// Why not.
        reason: String,
    },
}

impl EvalError {
    pub(crate) fn attack(field: &'static str, value: impl ToString, reason: impl Into<String>) -> Self {
        Self::Attack { field, value: value.to_string(), reason: reason.into() }
    }

    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Unknown(e) => Some(format!("{} (`unlearn metrics` lists them)", e.hint())),
            Self::Data(e) => e.hint(),
            Self::Engine(e) => e.hint(),
            Self::File(e) => e.hint(),
            Self::Attack { field, .. } => Some(format!("change `{field}`")),
            Self::NotFinite { .. } => {
                Some("its weights hold values that are not finite: train it again with a lower learning rate".into())
            }
        }
    }
}
