use std::path::PathBuf;

use thiserror::Error;
use unlearn_core::registry;
use unlearn_core::{FileError, UnknownName};
use unlearn_data::DataError;

/// What can go wrong while a benchmark is read.
#[derive(Debug, Error)]
pub enum BenchmarkError {
    /// No benchmark has this name.
    #[error(transparent)]
    Unknown(#[from] UnknownName),
    /// The benchmark has no such part, or no such set.
    #[error("`{benchmark}` has no {kind} `{name}`")]
    Part {
        /// The benchmark.
        benchmark: &'static str,
        /// `split` or `set`.
        kind: &'static str,
        /// The name as given.
        name: String,
        /// Those that it has.
        valid: Vec<String>,
    },
    /// The folder holds several parts, and none was chosen.
    #[error("which part of `{benchmark}` is meant by `{}` is not clear", folder.display())]
    Which {
        /// The benchmark.
        benchmark: &'static str,
        /// The folder.
        folder: PathBuf,
        /// The parts.
        valid: Vec<String>,
    },
    /// The folder is not there.
    #[error("`{}` is no folder", path.display())]
    Folder {
        /// The folder as given.
        path: PathBuf,
        /// Where the files are published.
        published: &'static str,
    },
    /// A file is not there.
    #[error("`{}` is missing", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
        /// The nearest folder above it that is there.
        folder: PathBuf,
        /// What that folder holds.
        holds: Vec<String>,
        /// Where the file is published.
        published: &'static str,
    },
    /// A file is not what was published.
    #[error("{source}")]
    File {
        /// What is wrong with it.
        source: DataError,
        /// Where it is published.
        published: &'static str,
    },
    /// A folder could not be listed.
    #[error(transparent)]
    List(#[from] FileError),
}

impl BenchmarkError {
    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Unknown(e) => Some(format!("{} (`unlearn benchmarks` lists them)", e.hint())),
            Self::Part { kind, name, valid, .. } => {
                let nearest = registry::nearest(name, valid.iter().map(String::as_str));
                let meant = nearest.map(|n| format!("did you mean `{n}`? ")).unwrap_or_default();
                Some(format!("{meant}its {kind}s: {}", listed(valid)))
            }
            Self::Which { valid, .. } => Some(format!("name one of its splits: {}", listed(valid))),
            Self::Folder { published, .. } => Some(format!("the files are published at {published}")),
            Self::Missing { folder, holds, published, .. } => {
                let holds = if holds.is_empty() { "nothing".into() } else { listed(holds) };
                Some(format!("`{}` holds {holds}; the file is published at {published}", folder.display()))
            }
            Self::File { source: DataError::File(e), .. } => e.hint(),
            Self::File { source: column @ DataError::Column { .. }, .. } => column.hint(),
            Self::File { published, .. } => {
                Some(format!("the file was cut, or is of another version; it is published at {published}"))
            }
            Self::List(e) => e.hint(),
        }
    }
}

/// At most ten names.
fn listed(names: &[String]) -> String {
    const SHOWN: usize = 10;
    let shown = names.iter().take(SHOWN).map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
