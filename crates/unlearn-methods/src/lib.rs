//! Ways to make a language model forget. Each method is one file and one line of [`METHODS`]; its struct is its
//! configuration, its doc comment its page in the manual.

mod adaptive_rmu;
mod alt_npo;
mod alt_po;
mod arithmetic;
mod asking;
mod ce_u;
mod cir;
mod circuit_breaker;
mod collapse;
mod dpo;
mod elm;
mod error;
mod flat;
mod grad_ascent;
mod grad_diff;
mod guardrail;
mod hold;
mod idk_ap;
mod idk_dpo;
mod idk_nll;
mod jens_un;
mod layer;
mod llmu;
mod manual;
mod me_gd;
mod merge;
mod npo;
mod pdu;
mod preference;
mod registry;
mod rep_noise;
mod rep_select;
mod rmu;
mod sat_imp;
mod sim_npo;
mod steering;
mod task_vector;
mod tnpo;
mod undial;
mod wga;
mod whp;

pub use error::MethodError;

pub use grad_ascent::GradAscent;
pub use grad_diff::GradDiff;
pub use guardrail::Guardrail;
pub use hold::{Hold, Retain};
pub use layer::Layer;
pub use registry::{Entry, Guarding, METHODS, Made, entry, method};
