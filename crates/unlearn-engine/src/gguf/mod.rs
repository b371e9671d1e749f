//! GGUF files: parsed, their tensors decoded, their model and tokenizer described the Hugging Face way; and written.
//!
//! A file comes from outside and is not trusted: counts, offsets and shapes are checked against the bytes that are
//! there before anything is allocated for them, and what cannot be converted is an error with its name.
//! The caller maps the file; everything here borrows its bytes.

mod arch;
mod blocks;
mod checkpoint;
mod cursor;
mod error;
mod export;
mod file;
mod form;
mod kind;
mod metadata;
mod names;
mod tensor;
mod tokenizer;
mod value;
mod weight;
mod write;

pub use checkpoint::Checkpoint;
pub use error::{Fault, GgufError};
#[cfg(test)]
use export::export_tokenizer;
pub use export::{Exported, export};
pub use file::Gguf;
pub use form::Form;
pub use kind::TensorKind;
pub use metadata::Metadata;
pub use names::{Bias, Names, Part, Place, Size};
pub use tensor::TensorInfo;
pub use tokenizer::TokenizerFiles;
pub use value::{MetaArray, MetaValue, ValueKind};
pub use weight::Weight;
pub use write::{Entries, NewTensor, OwnedValue, write};

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
