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
    /// An attack cannot be made as it is asked for.
    #[error("`{field}`: {reason}")]
    Attack {
        /// The field of the recipe.
        field: String,
        /// Why it cannot be.
        reason: String,
        /// What the user can do.
        hint: String,
    },
    /// The subject's answers are no longer numbers.
    #[error("the subject is broken: a log-probability of row {row} of `{set}` is not a number")]
    NotFinite {
        /// The set.
        set: String,
        /// The row, from 1.
        row: usize,
    },
}

impl EvalError {
    pub(crate) fn attack(field: &'static str, value: impl ToString, reason: impl Into<String>) -> Self {
        let reason = format!("`{}` is not possible: {}", value.to_string(), reason.into());
        Self::Attack { field: field.to_owned(), reason, hint: format!("change `{field}`") }
    }

    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Unknown(e) => Some(format!(
                "{} (`unlearn {}s` lists them)",
                e.hint(),
                if e.kind == "suite" { "attack" } else { e.kind }
            )),
            Self::Attack { hint, .. } => Some(hint.clone()),
            Self::Data(e) => e.hint(),
            Self::Engine(e) => e.hint(),
            Self::File(e) => e.hint(),
            Self::NotFinite { .. } => {
                Some("its weights hold values that are not finite: train it again with a lower learning rate".into())
            }
        }
    }
}
