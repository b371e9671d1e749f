//! Attacks: ways to get out of a model what it is said to have forgotten.

pub mod prompt_search;
