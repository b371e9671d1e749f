//! What can go wrong when a run folder is read, or a report is asked for.

use std::path::PathBuf;

use thiserror::Error;
use unlearn_core::FileError;

/// A run folder that cannot be read, or a report that cannot be made.
#[derive(Debug, Error)]
pub enum ReportError {
    /// A file cannot be read, or is not what it has to be.
    #[error(transparent)]
    File(#[from] FileError),
    /// A line of a `.jsonl` file is malformed.
    #[error("line {line} of `{}` is not valid", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What the parser says.
        #[source]
        source: serde_json::Error,
    },
    /// A file was written under another schema, so its numbers may mean something else.
    #[error("`{}` has the schema `{found}`, not `{expected}`", path.display())]
    Schema {
        /// The file.
        path: PathBuf,
        /// What it says.
        found: String,
        /// What this version reads.
        expected: &'static str,
    },
    /// A report is asked for in a form that there is none of.
    #[error("`{}` does not say what kind of report to write", path.display())]
    Format {
        /// The file that is to be written.
        path: PathBuf,
    },
}

impl ReportError {
    /// What the user can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::File(e) => e.hint(),
            Self::Line { .. } => None,
            Self::Format { .. } => Some(
                "give a name that ends in `.html` (a page), `.md` (Markdown), `.csv` (a table of every score) or \
                 `attacks.csv` (a table of every attempt to bring answers back)"
                    .into(),
            ),
            Self::Schema { .. } => Some("read it with the version of `unlearn` that `run.json` names".into()),
        }
    }
}
