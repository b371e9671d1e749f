//! Model repositories of the Hugging Face Hub: fetched, verified, and kept in the cache that Python's
//! `huggingface_hub` uses too.
//!
//! Why own code over `ureq` and not `hf-hub`: `hf-hub` 1.0 brings 224 crates (tokio, reqwest, aws-lc), and over HTTP it
//! neither goes on with a partial file nor verifies a checksum; `ureq` brings 22 and leaves both to us.
//!
//! This is the only crate that touches the network, and it knows nothing of tensors.

mod cache;
mod check;
mod client;
mod download;
mod error;
mod name;
mod parallel;
mod pull;
mod remote;
mod select;
mod settings;
mod space;
mod url;

pub use cache::Cache;
pub use error::{HubError, Said};
pub use name::Repository;
pub use parallel::Note;
pub use pull::{Pulled, PulledFile, Request, pull};
pub use settings::{Patience, Settings, Token};
pub use space::bytes;
