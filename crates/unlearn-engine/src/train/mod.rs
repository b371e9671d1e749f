//! The one training loop, and what an objective sees of it.

mod adamw;
mod dropout;
mod forward;
mod gradients;
mod memory;
mod objective;
mod prefix;
mod reference;
mod run;
mod schedule;
mod selection;
mod state;

pub use adamw::AdamW;
pub use forward::{Forward, Route};
pub use gradients::Gradients;
pub use memory::{Memory, RowSizes, fit};
pub use objective::{Micro, Needs, Objective, Side, Term, Totals};
pub use reference::Reference;
pub use run::{Outcome, Plan, Progress, train};
pub use schedule::learning_rate;
pub use selection::Selection;
