//! `unlearn`: make a language model forget what it is told to forget, keep the rest, and prove both.
//!
//! The facade over the workspace's crates, for programs that want all of it under one name.

pub use unlearn_core as core;
pub use unlearn_data as data;
pub use unlearn_engine as engine;
pub use unlearn_eval as eval;
pub use unlearn_hub as hub;
pub use unlearn_methods as methods;
pub use unlearn_report as report;
