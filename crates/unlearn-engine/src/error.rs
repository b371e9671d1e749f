use std::path::{Path, PathBuf};

use thiserror::Error;
use unlearn_core::{FileError, UnknownName};
use unlearn_data::DataError;

use crate::gguf::GgufError;

/// What can go wrong with a model, its files, its generation or its training.
#[derive(Debug, Error)]
pub enum EngineError {
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The data or the tokenizer.
    #[error(transparent)]
    Data(#[from] DataError),
    /// `--device` names none that this build has.
    #[error("there is no device `{name}`: {reason}")]
    Device {
        /// As given.
        name: String,
        /// Why not.
        reason: String,
    },
    /// A `model_type` or architecture that no family serves.
    #[error("cannot read `{}`", path.display())]
    Family {
        /// The configuration.
        path: PathBuf,
        /// The name that no family has.
        #[source]
        source: UnknownName,
    },
    /// A field of `config.json` is missing, has a wrong type or asks for what the decoder lacks.
    #[error("`{}`: `{field}` {reason}", path.display())]
    Config {
        /// The configuration.
        path: PathBuf,
        /// The field.
        field: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A folder or file that is no checkpoint.
    #[error("`{}` is not a checkpoint: {reason}", path.display())]
    Checkpoint {
        /// The folder or file.
        path: PathBuf,
        /// What is missing or wrong.
        reason: String,
    },
    /// A weight file whose content cannot be used.
    #[error("`{}` cannot be used: {reason}", path.display())]
    Weights {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A GGUF file that cannot be read.
    #[error("cannot read `{}`", path.display())]
    Gguf {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: GgufError,
    },
    /// A GGUF file that cannot be written.
    #[error("cannot write `{}`", path.display())]
    WriteGguf {
        /// The file.
        path: PathBuf,
        /// What stands in the way.
        #[source]
        source: GgufError,
    },
    /// The tokenizer knows more tokens than the model has embeddings.
    #[error("the tokenizer in `{}` does not fit the model: it has {tokens} tokens, the model embeds {embeddings}", path.display())]
    Vocabulary {
        /// The checkpoint.
        path: PathBuf,
        /// Largest token id plus one.
        tokens: usize,
        /// Rows of the embedding.
        embeddings: usize,
    },
    /// The model lacks what the command needs.
    #[error("the model in `{}` has no {what}", path.display())]
    Lacks {
        /// The checkpoint.
        path: PathBuf,
        /// What it has not.
        what: &'static str,
    },
    /// A row longer than the model's context.
    #[error("`{}`, line {line}: the row has {length} tokens, the model's context has {context}", path.display())]
    TooLong {
        /// The data file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// Its tokens.
        length: usize,
        /// Positions that the model has.
        context: usize,
    },
    /// More folds than a run can have.
    #[error("`train.folds = {folds}` is not possible: there are only {n} {of}")]
    Folds {
        /// As given.
        folds: usize,
        /// How many there are.
        n: usize,
        /// Of what.
        of: &'static str,
    },
    /// A choice of what to train that the model does not allow.
    #[error("`{field}` does not fit the model: {reason}")]
    Selection {
        /// The recipe field.
        field: &'static str,
        /// What is wrong.
        reason: String,
        /// What to do.
        hint: String,
    },
    /// A method's field that the model does not allow.
    #[error("`{field}` does not fit the model: {reason}")]
    Method {
        /// The recipe field.
        field: &'static str,
        /// What is wrong.
        reason: String,
        /// What to do.
        hint: String,
    },
    /// The loss or the gradient is no longer a number, or the model no longer one that works.
    #[error("training diverged at step {step}: {what}; {}", last_good(*.good))]
    Diverged {
        /// The step, from 1.
        step: usize,
        /// What showed it.
        what: String,
        /// The last step whose weights were kept and are good.
        good: Option<usize>,
        /// The settings to change.
        advice: String,
        /// Where the weights of the last good step were put.
        kept: Option<PathBuf>,
    },
    /// The user asked to stop; what was done is saved.
    #[error("interrupted at step {step}; the state is saved")]
    Interrupted {
        /// Steps taken.
        step: usize,
    },
    /// A saved state that belongs to another run.
    #[error("the saved state in `{}` does not belong to this run: {reason}", path.display())]
    State {
        /// The state folder.
        path: PathBuf,
        /// What differs.
        reason: String,
    },
    /// The tensor library gave up.
    #[error("a tensor operation failed: {message}")]
    Tensor {
        /// What it said.
        message: String,
    },
}

fn last_good(step: Option<usize>) -> String {
    match step {
        Some(0) => "the last good weights are those before the first step".into(),
        Some(step) => format!("the last good weights are those after step {step}"),
        None => "no weights were kept before".into(),
    }
}

impl EngineError {
    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::File(e) => e.hint(),
            Self::Data(e) => e.hint(),
            Self::Family { source, .. } => {
                Some(format!("{} (`unlearn families` lists what can be read)", source.hint()))
            }
            Self::Gguf { source, .. } | Self::WriteGguf { source, .. } => source.hint(),
            Self::Checkpoint { .. } => {
                Some("give a Hugging Face folder (`config.json`, `model.safetensors`) or a GGUF file".into())
            }
            Self::Weights { .. } => Some("the file may be cut short or damaged: fetch or convert it again".into()),
            Self::Vocabulary { .. } => {
                Some("the tokenizer belongs to another model: put the right `tokenizer.json` there".into())
            }
            Self::TooLong { .. } => Some("shorten the row, or drop it".into()),
            Self::Folds { .. } => Some("lower `train.folds`".into()),
            Self::Selection { hint, .. } | Self::Method { hint, .. } => Some(hint.clone()),
            Self::Diverged { advice, kept, .. } => {
                let kept = kept.as_ref().map(|p| format!("; `{}` holds the last good weights", p.display()));
                Some(format!("run again in a new folder with {advice}{}", kept.unwrap_or_default()))
            }
            Self::Interrupted { .. } => Some("run the same command with `--resume` to go on".into()),
            Self::State { .. } => Some("resume with the recipe that began the run, or choose another `--out`".into()),
            _ => None,
        }
    }

    pub(crate) fn selection(field: &'static str, reason: String, hint: String) -> Self {
        Self::Selection { field, reason, hint }
    }

    /// A method's field that the model does not allow.
    #[must_use]
    pub fn method(field: &'static str, reason: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Method { field, reason: reason.into(), hint: hint.into() }
    }

    pub(crate) fn weights(path: &Path, reason: impl ToString) -> Self {
        Self::Weights { path: path.to_owned(), reason: reason.to_string() }
    }

    pub(crate) fn checkpoint(path: &Path, reason: impl Into<String>) -> Self {
        Self::Checkpoint { path: path.to_owned(), reason: reason.into() }
    }
}
