//! The decoder, its checkpoints, its generation and its training loop. The only crate that names the tensor
//! library; what methods and metrics need of it is under [`tensor`].

pub mod adapter;
pub mod batch;
pub mod checkpoint;
pub mod compress;
pub mod decoder;
pub mod device;
pub mod edit;
mod error;
pub mod families;
mod fused;
pub mod generate;
pub mod gguf;
pub mod init;
pub mod inside;
pub mod likelihood;
pub mod linalg;
mod model;
pub mod prompt;
pub mod tensor;
pub mod train;
pub mod tree;

pub use batch::TokenBatch;
pub use checkpoint::Precision;
pub use decoder::{Decoder, DecoderConfig, Parameters, Weights};
pub use error::EngineError;
pub use model::{LanguageModel, Loading};
