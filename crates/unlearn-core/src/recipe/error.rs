//! What can be wrong with a recipe.

use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::file::FileError;

/// What can be wrong with a recipe.
#[derive(Debug, Error)]
pub enum RecipeError {
    /// The file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// It is not TOML, or a field has the wrong type or a wrong value.
    #[error("the recipe is not valid{}", place(.path))]
    Parse {
        /// The file, if there is one.
        path: Option<PathBuf>,
        /// What the parser says.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// A field that does not exist.
    #[error("unknown field `{field}`{}", place(.path))]
    UnknownField {
        /// The file, if there is one.
        path: Option<PathBuf>,
        /// The field, with its path.
        field: String,
        /// The nearest field that exists.
        nearest: Option<String>,
    },
    /// `--set` without a path or a value.
    #[error("`--set {assignment}` is not of the form `path.to.field=value`")]
    Assignment {
        /// As given.
        assignment: String,
    },
    /// A field that this command cannot do without.
    #[error("the recipe does not say `{field}`")]
    Missing {
        /// The field, with its path.
        field: &'static str,
        /// How to give it.
        hint: String,
    },
    /// A value outside its range.
    #[error("`{field} = {value}`{} is not possible: {reason}", place(.path))]
    Value {
        /// The file, if there is one.
        path: Option<PathBuf>,
        /// The field, with its path.
        field: String,
        /// The value.
        value: String,
        /// Why not.
        reason: String,
    },
}

fn place(path: &Option<PathBuf>) -> String {
    path.as_ref().map(|p| format!(" in `{}`", p.display())).unwrap_or_default()
}

impl RecipeError {
    /// What the user can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::File(e) => e.hint(),
            Self::UnknownField { nearest: Some(n), .. } => Some(format!("did you mean `{n}`?")),
            Self::Assignment { .. } => Some("for example `--set train.learning_rate=2e-5`".into()),
            Self::Missing { hint, .. } => Some(hint.clone()),
            _ => None,
        }
    }

    /// A value outside its range.
    pub fn value(field: impl Into<String>, value: impl ToString, reason: impl Into<String>) -> Self {
        Self::Value { path: None, field: field.into(), value: value.to_string(), reason: reason.into() }
    }

    pub(super) fn of_file(self, file: Option<&Path>) -> Self {
        match self {
            Self::Value { field, value, reason, .. } => {
                Self::Value { path: file.map(Path::to_owned), field, value, reason }
            }
            other => other,
        }
    }
}
