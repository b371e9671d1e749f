//! The one training loop, and what an objective sees of it.

mod adamw;
mod dropout;
mod forward;
mod gradients;
mod memory;
mod micro;
mod needs;
mod objective;
mod prefix;
mod reference;
mod run;
mod schedule;
mod selection;
mod sets;
mod state;
mod watch;
mod worker;
mod workload;

pub use adamw::AdamW;
pub use forward::{Forward, Route};
pub use gradients::Gradients;
pub use memory::{Memory, RowSizes, fit};
pub use micro::{Micro, View};
pub use needs::{Alternative, Asking, Inner, Needs, Passing, Quantity, Reads, Set, Side};
pub use objective::{Objective, Setup, StepView, Term, Totals};
pub use reference::{Cache, Question, Reference};
pub use run::{Outcome, Plan, Progress, passes, train, visited};
pub use schedule::learning_rate;
pub use selection::Selection;
pub use sets::{Alternates, Sets};
pub use watch::{Look, Watching, disruption};
pub use worker::gradient;
pub use workload::{Workload, seconds_per_token};
