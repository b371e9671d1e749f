//! Ways to make a language model forget. Each method is one file and one line of [`METHODS`]; its struct is its
//! configuration, its doc comment its page in the manual.

mod error;
mod fine_tune;
mod grad_ascent;
mod grad_diff;
mod manual;
mod npo;
mod registry;
mod retain;

pub use error::MethodError;
pub use fine_tune::FineTune;
pub use registry::{Entry, METHODS, entry, objective};
pub use retain::Retain;
