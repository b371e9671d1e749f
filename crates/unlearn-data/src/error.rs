use std::path::PathBuf;

use thiserror::Error;
use unlearn_core::FileError;

/// What can go wrong between a data file and its token rows.
#[derive(Debug, Error)]
pub enum DataError {
    /// A file could not be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// A file holds no rows.
    #[error("`{}` holds no rows", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The extension says nothing that can be read.
    #[error("`{}` is of no known kind", path.display())]
    Kind {
        /// The file.
        path: PathBuf,
    },
    /// One row cannot be used.
    #[error("`{}`, line {line}: {reason}", path.display())]
    Row {
        /// The file.
        path: PathBuf,
        /// The line (of an array: the row), from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// A parquet file is not whole, or none at all.
    #[error("`{}` cannot be read as a parquet file: {reason}", path.display())]
    Parquet {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A column of a parquet file is of a kind that is not read.
    #[error("`{}`, column `{column}`: {reason}", path.display())]
    Column {
        /// The file.
        path: PathBuf,
        /// The column; of a nested one, the names on the way to it.
        column: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A row has nothing to be predicted.
    #[error("`{}`, line {line}: {}", path.display(), if *tokens { "no token of the row is supervised (an empty answer?)" } else { "the answer is empty" })]
    NoAnswer {
        /// The file.
        path: PathBuf,
        /// The line (of an array: the row), from 1.
        line: usize,
        /// Whether it is so only once it is tokenised.
        tokens: bool,
    },
    /// The tokenizer's files cannot be used.
    #[error("the tokenizer in `{}` cannot be used: {reason}", path.display())]
    Tokenizer {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A guard's file cannot be used.
    #[error("the guard in `{}` cannot be used: {reason}", path.display())]
    Guard {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A chat template that does not parse or does not render.
    #[error("the chat template cannot be rendered: {reason}")]
    Template {
        /// What the template engine says.
        reason: String,
    },
    /// Text rows came to a model that has no tokenizer.
    #[error("the model has no tokenizer, and `{}`, line {line} is text", path.display())]
    NoTokenizer {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
}

impl DataError {
    /// What the user can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::File(e) => e.hint(),
            Self::Kind { .. } => Some("data files end in .jsonl, .json, .csv, .parquet or .txt".into()),
            Self::Row { reason, .. } if reason.contains("field") => Some(
                "a row is {question, answer}, {prompt, completion}, {messages: […]}, {text}, {input_ids, labels} or \
                 {question, choices: […], answer}"
                    .into(),
            ),
            Self::Parquet { .. } => Some("was it cut? such a file begins and ends with `PAR1`; fetch it again".into()),
            Self::Column { .. } => Some(
                "columns of text, numbers, lists and structures are read, as they are or compressed by snappy or gzip; \
                 write the file again without the column, or as such"
                    .into(),
            ),
            Self::Guard { .. } => Some(
                "`unlearn run --method guardrail` writes such a file; without it, the model stands unguarded".into(),
            ),
            Self::NoTokenizer { .. } => {
                Some("put `tokenizer.json` into the model's folder, or give rows of `input_ids` and `labels`".into())
            }
            _ => None,
        }
    }
}
