//! Checkpoints on disk: Hugging Face folders, read by memory map and written in one step.

mod folder;
mod precision;
mod safetensors;

pub use folder::{Source, write_folder};
pub use precision::Precision;
pub use safetensors::{Entry, WeightFiles, write_tensors};
