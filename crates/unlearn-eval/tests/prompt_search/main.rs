//! Searches for prompts, on golden models.

mod budgets;
mod common;
mod contract;
mod goals;
mod searches;
mod soft;
