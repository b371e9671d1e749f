//! Prompts that are searched for: what to put into a question, so that the model says a given target.
//!
//! A [`Goal`] is what stands around the free places and the target behind them; a [`Problem`], a model with the goals of
//! one search, which share what is found. [`Gcg`], [`AutoPrompt`] and [`RandomSearch`] look for tokens, [`SoftPrompt`] for
//! vectors. All of them keep to a [`Budget`], go on from the state that they left, and are the same at any number of
//! threads.

mod autoprompt;
mod budget;
mod gcg;
mod goal;
mod page;
mod problem;
mod random_search;
mod search;
mod soft;

pub use autoprompt::AutoPrompt;
pub use budget::{Budget, Point, Spent, Stop};
pub use gcg::Gcg;
pub use goal::{Goal, Place};
pub use problem::{Problem, Words};
pub use random_search::RandomSearch;
pub use search::{Found, Moves, Outcome, State, Watch, search};
pub use soft::{Rule, SoftOutcome, SoftPrompt, SoftState, SoftWatch, answers_behind, likelihoods_behind, soft_search};
