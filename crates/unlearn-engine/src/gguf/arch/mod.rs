//! The architectures that are converted, one file each.

mod llama;
mod rope;

#[cfg(test)]
pub(super) use rope::by_frequency as scaling_by_frequency;

use serde_json::Value;

use super::{Fault, Gguf, GgufError, Weight};

const ARCHITECTURE: &str = "general.architecture";

/// What is needed to convert the files of one architecture.
pub(super) struct Architecture {
    /// The name in `general.architecture`.
    pub(super) name: &'static str,
    /// Makes the content of `config.json`.
    pub(super) config: fn(&Gguf<'_>) -> Result<Value, GgufError>,
    /// Names, orders and checks the weights.
    pub(super) weights: for<'a> fn(&Gguf<'a>) -> Result<Vec<Weight<'a>>, GgufError>,
}

static ARCHITECTURES: &[Architecture] = &[llama::ARCHITECTURE];

/// The architecture that a file states.
pub(super) fn of(gguf: &Gguf<'_>) -> Result<&'static Architecture, GgufError> {
    let name = gguf.metadata.string(ARCHITECTURE)?;
    let known = || ARCHITECTURES.iter().map(|known| format!("`{}`", known.name)).collect::<Vec<_>>().join(", ");
    let unsupported = || refused(ARCHITECTURE, Fault::Unsupported { found: name.to_owned(), known: known() });
    ARCHITECTURES.iter().find(|known| known.name == name).ok_or_else(unsupported)
}

fn refused(key: &str, fault: Fault) -> GgufError {
    GgufError::ConvertConfig { key: key.to_owned(), fault }
}

/// The shortest decimal number that stands for this 32-bit float: `1e-5`, not `9.99999974737875e-6`.
fn decimal(number: f32) -> f64 {
    number.to_string().parse().unwrap_or_else(|_| number.into())
}
