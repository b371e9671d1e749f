use std::path::PathBuf;

use thiserror::Error;
use unlearn_core::UnknownName;

/// What can be wrong with a method's part of a recipe.
#[derive(Debug, Error)]
pub enum MethodError {
    /// No method has this name.
    #[error(transparent)]
    Unknown(#[from] UnknownName),
    /// A field that the method does not have, or a value of the wrong type.
    #[error("`[method]` is not valid for `{method}`")]
    Configure {
        /// The method.
        method: &'static str,
        /// The fields that it has.
        fields: Vec<String>,
        /// What the parser says.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// A field that the method does not have.
    #[error("`{method}` has no field `{field}`")]
    UnknownField {
        /// The method.
        method: &'static str,
        /// As given.
        field: String,
        /// The fields that it has.
        fields: Vec<String>,
    },
    /// A value that makes no sense.
    #[error("`method.{field} = {value}` is not possible: {reason}")]
    Value {
        /// The field.
        field: &'static str,
        /// Its value.
        value: f64,
        /// Why not.
        reason: &'static str,
    },
    /// A row that a guard cannot tell by anything.
    #[error("`{}`, line {line}: the row has no question in words, and says nobody whom it is about", path.display())]
    Blind {
        /// The file.
        path: PathBuf,
        /// The line (of an array: the row), from 1.
        line: usize,
    },
    /// What was to be looked for makes no guard.
    #[error("a guard cannot be made of the forget rows: {reason}")]
    Guard {
        /// Why.
        reason: String,
    },
}

impl MethodError {
    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Unknown(e) => Some(format!("{} (`unlearn methods` lists them)", e.hint())),
            Self::UnknownField { field, fields, .. } => {
                let nearest = unlearn_core::nearest(field, fields.iter().map(String::as_str));
                Some(
                    nearest.map_or_else(
                        || format!("its fields: {}", fields.join(", ")),
                        |n| format!("did you mean `{n}`?"),
                    ),
                )
            }
            Self::Configure { method, .. } => Some(format!("`unlearn methods show {method}` prints its page")),
            Self::Blind { .. } => Some("give it a `question`, or an `entity`: a guard looks for these".into()),
            Self::Guard { .. } => Some("names and texts to look for are made of letters or digits".into()),
            Self::Value { .. } => None,
        }
    }

    /// Refuses a value unless `good`.
    pub(crate) fn require(good: bool, field: &'static str, value: f64, reason: &'static str) -> Result<(), Self> {
        if good { Ok(()) } else { Err(Self::Value { field, value, reason }) }
    }
}
