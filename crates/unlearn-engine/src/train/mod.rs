//! The one training loop, and what an objective sees of it.

mod adamw;
mod gradients;
mod objective;
mod reference;
mod run;
mod schedule;
mod state;

pub use adamw::AdamW;
pub use gradients::Gradients;
pub use objective::{Micro, Needs, Objective, Side, Term, Totals};
pub use reference::Reference;
pub use run::{Outcome, Plan, Progress, train};
pub use schedule::learning_rate;
