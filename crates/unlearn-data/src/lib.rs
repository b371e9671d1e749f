//! From files to token rows: reading rows of text, chat templates, the tokenizer, supervision, the order in
//! which a run visits its rows, guards, and the synthetic world of the demo.
//!
//! This crate knows no tensors.

pub mod chat;
mod choices;
pub mod encode;
mod error;
pub mod folds;
pub mod guard;
pub mod order;
mod parquet;
pub mod read;
pub mod refusal;
pub mod row;
pub mod tokenizer;
pub mod vocabulary;
pub mod world;

pub use chat::ChatTemplate;
pub use encode::{Encoder, IGNORED, TokenRow};
pub use error::DataError;
pub use guard::Guard;
pub use row::{Content, Message, Row};
pub use tokenizer::Tokenizer;
