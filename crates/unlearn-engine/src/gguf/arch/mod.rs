//! The architectures that are converted, one file each: a table of names, and what becomes of the settings.

mod gemma;
mod gemma2;
mod gemma3;
mod gpt2;
mod gptneox;
mod keys;
mod llama;
mod model;
mod olmo2;
mod phi2;
mod phi3;
mod qwen2;
mod qwen3;
mod rope;
mod sizes;
mod weights;
mod window;

#[cfg(test)]
pub(super) use rope::by_frequency as scaling_by_frequency;

/// Tensors that hold the scaling of rotary positions.
pub(super) mod tensors_of_positions {
    pub(in crate::gguf) use super::rope::{DIVISORS, LONG_FACTORS, SHORT_FACTORS};
}

use serde_json::Value;

use self::keys::Keys;
use self::model::Model;
use self::sizes::Sizes;
use super::{Fault, Gguf, GgufError, Names, Weight};

const ARCHITECTURE: &str = "general.architecture";

/// How much of a head is rotated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rotary {
    None,
    Part,
    Whole,
}

/// What is needed to convert the files of one architecture.
struct Architecture {
    names: Names,
    rotary: Rotary,
    /// Settings that change the numbers and that `config` takes into account.
    understood: &'static [&'static str],
    /// Makes the content of `config.json`, in the spelling of published checkpoints.
    config: fn(&Model<'_>) -> Result<Value, GgufError>,
}

static ARCHITECTURES: &[&Architecture] = &[
    &llama::ARCHITECTURE,
    &qwen2::ARCHITECTURE,
    &qwen3::ARCHITECTURE,
    &gemma::ARCHITECTURE,
    &gemma2::ARCHITECTURE,
    &gemma3::ARCHITECTURE,
    &phi2::ARCHITECTURE,
    &phi3::ARCHITECTURE,
    &gptneox::ARCHITECTURE,
    &gpt2::ARCHITECTURE,
    &olmo2::ARCHITECTURE,
];

/// The tables of names of all architectures.
pub(super) fn all() -> impl Iterator<Item = &'static Names> {
    ARCHITECTURES.iter().map(|architecture| &architecture.names)
}

/// The content of `config.json` and the weights, by the architecture that the file states.
pub(super) fn convert<'a>(gguf: &Gguf<'a>) -> Result<(Value, Vec<Weight<'a>>), GgufError> {
    let architecture = of(gguf)?;
    let names = &architecture.names;
    let keys = Keys::new(&gguf.metadata, names.architecture);
    let sizes = Sizes::read(gguf, &keys, architecture.rotary)?;
    keys.refuse_all_but(architecture.understood)?;
    // First: as many layers as the file states are there after that, and lists with an entry for each may be made.
    let weights = weights::weights(gguf, names, &sizes)?;
    let config = (architecture.config)(&Model { gguf, keys, names, sizes })?;
    Ok((config, weights))
}

fn of(gguf: &Gguf<'_>) -> Result<&'static Architecture, GgufError> {
    let name = gguf.metadata.string(ARCHITECTURE)?;
    let known = || all().map(|names| format!("`{}`", names.architecture)).collect::<Vec<_>>().join(", ");
    let unsupported = || refused(ARCHITECTURE, Fault::Unsupported { found: name.to_owned(), known: known() });
    ARCHITECTURES.iter().copied().find(|known| known.names.architecture == name).ok_or_else(unsupported)
}

fn refused(key: &str, fault: Fault) -> GgufError {
    GgufError::ConvertConfig { key: key.to_owned(), fault }
}

fn failed(tensor: &str, fault: Fault) -> GgufError {
    GgufError::ConvertTensor { tensor: tensor.to_owned(), fault }
}

/// The shortest decimal number that stands for this 32-bit float: `1e-5`, not `9.99999974737875e-6`.
fn decimal(number: f32) -> f64 {
    number.to_string().parse().unwrap_or_else(|_| number.into())
}
