//! Checkpoints on disk: Hugging Face folders, read tensor by tensor and written in one step.

mod folder;
mod precision;
mod safetensors;
mod tensors;

pub use folder::{Source, companions_digest, digest, write_folder};
pub(crate) use folder::{copy_folder, fill_folder, write_neighbour};
pub use precision::Precision;
pub(crate) use safetensors::map_file;
pub use safetensors::{Entry, Stored, WeightFiles, write_tensors};
pub use tensors::{Tensors, bytes_per_value};
