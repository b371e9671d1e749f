//! The words of `unlearn`, shared by every other crate: what a user asks for ([`recipe`]), what a run
//! leaves behind ([`run`], [`event`], [`score`]), and how names are looked up ([`registry`]).
//!
//! This crate knows neither tensors nor the network.

pub mod attack;
pub mod digest;
pub mod event;
pub mod file;
pub mod recipe;
pub mod registry;
pub mod run;
pub mod score;
pub mod seed;
pub mod settings;
pub mod verdict;

pub use file::FileError;
pub use recipe::{Recipe, RecipeError};
pub use registry::{UnknownName, nearest};
