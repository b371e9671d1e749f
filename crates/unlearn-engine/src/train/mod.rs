//! The one training loop, and what an objective sees of it.

mod average;
mod curvature;
mod dropout;
mod forward;
mod gradients;
mod memory;
mod micro;
mod needs;
mod objective;
mod optimizer;
mod perturb;
mod prefix;
mod reference;
mod run;
mod sampled;
mod schedule;
mod selection;
mod sets;
mod smooth;
mod state;
mod update;
mod worker;

pub use curvature::curvature;
pub use forward::{Forward, Route};
pub use gradients::Gradients;
pub use memory::{Memory, RowSizes, fit};
pub use micro::{Micro, View};
pub use needs::{Alternative, Asking, Inner, Needs, Passing, Quantity, Reads, Set, Side};
pub use objective::{Objective, Setup, StepView, Term, Totals};
pub use optimizer::{AdamW, Lion, Optimizer, Sgd, Sophia, optimizer};
pub use reference::{Cache, Question, Reference};
pub use run::{Outcome, Plan, Progress, check_folds, passes, train, visited};
pub use schedule::learning_rate;
pub use selection::Selection;
pub use sets::{Alternates, Sets};
pub use worker::gradient;
