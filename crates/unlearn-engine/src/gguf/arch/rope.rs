//! Long-context scaling of rotary positions, from what a GGUF file keeps of it.

use std::f32::consts::TAU;

use serde_json::{Value, json};

use super::{decimal, refused};
use crate::gguf::{Fault, Gguf, GgufError, Metadata};

/// The tensor that holds one divisor per rotary frequency.
pub(super) const DIVISORS: &str = "rope_freqs.weight";

/// The constants of Llama 3.1 and later. The file does not keep them, only the divisors that follow from them.
const LOW_FREQUENCY: f32 = 1.0;
const HIGH_FREQUENCY: f32 = 4.0;
const USUAL_ORIGINAL_CONTEXT: u32 = 8192;
/// How far the divisors may be off, relatively: they were computed in 32-bit floats.
const TOLERANCE: f32 = 1e-4;

/// The value of `rope_scaling`, or null where positions are not scaled.
pub(super) fn scaling(gguf: &Gguf<'_>, prefix: &str, theta: f32, head_dim: usize) -> Result<Value, GgufError> {
    let linear = linear_factor(&gguf.metadata, prefix)?;
    match (gguf.tensor(DIVISORS), linear) {
        (None, None) => Ok(Value::Null),
        (None, Some(factor)) => Ok(json!({"rope_type": "linear", "factor": decimal(factor)})),
        (Some(_), Some(_)) => Err(conflict("the file scales positions both linearly and by frequency".to_owned())),
        (Some(tensor), None) => {
            let key = format!("{prefix}.rope.scaling.original_context_length");
            let stated = Metadata::optional(gguf.metadata.u32(&key))?;
            if tensor.len() != head_dim / 2 {
                return Err(conflict(format!("{} divisors for {} frequencies", tensor.len(), head_dim / 2)));
            }
            by_frequency(&tensor.to_f32(), theta, stated.unwrap_or(USUAL_ORIGINAL_CONTEXT))
        }
    }
}

fn linear_factor(metadata: &Metadata<'_>, prefix: &str) -> Result<Option<f32>, GgufError> {
    let key = format!("{prefix}.rope.scaling.type");
    let kind = Metadata::optional(metadata.string(&key))?.unwrap_or("linear");
    if kind == "none" {
        return Ok(None);
    }
    if kind != "linear" {
        let known = "`none` and `linear`".to_owned();
        return Err(refused(&key, Fault::Unsupported { found: kind.to_owned(), known }));
    }
    let factor = Metadata::optional(metadata.f32(&format!("{prefix}.rope.scaling.factor")))?;
    let older = Metadata::optional(metadata.f32(&format!("{prefix}.rope.scale_linear")))?;
    match factor.or(older).filter(|factor| *factor != 0.0 && *factor != 1.0) {
        Some(factor) if !(factor.is_finite() && factor > 0.0) => {
            Err(refused(&key, Fault::Conflict(format!("{factor} is not a factor that positions can be scaled by"))))
        }
        factor => Ok(factor),
    }
}

/// Finds the Llama 3 scaling that these divisors come from, and makes sure of it by computing them again.
pub(in crate::gguf) fn by_frequency(divisors: &[f32], theta: f32, original_context: u32) -> Result<Value, GgufError> {
    let factor = divisors.iter().copied().fold(1.0, f32::max);
    if divisors.iter().all(|divisor| *divisor == 1.0) {
        return Ok(Value::Null);
    }
    let frequencies = divisors.len();
    let agrees = |(i, divisor): (usize, &f32)| {
        let expected = llama3_divisor(i, frequencies, theta, factor, original_context as f32);
        (divisor - expected).abs() <= TOLERANCE * expected
    };
    if !divisors.iter().enumerate().all(agrees) {
        let why = format!("the divisors are not those of Llama 3 scaling with factor {factor} from {original_context}");
        return Err(conflict(why));
    }
    Ok(json!({
        "rope_type": "llama3",
        "factor": decimal(factor),
        "low_freq_factor": LOW_FREQUENCY,
        "high_freq_factor": HIGH_FREQUENCY,
        "original_max_position_embeddings": original_context,
    }))
}

/// What the rotary frequency `i` is divided by: 1 for short waves, the factor for long ones, in between in between.
fn llama3_divisor(i: usize, frequencies: usize, theta: f32, factor: f32, context: f32) -> f32 {
    let wavelength = TAU * theta.powf(i as f32 / frequencies as f32);
    let turns = context / wavelength;
    let blend = ((turns - LOW_FREQUENCY) / (HIGH_FREQUENCY - LOW_FREQUENCY)).clamp(0.0, 1.0);
    1.0 / ((1.0 - blend) / factor + blend)
}

fn conflict(why: String) -> GgufError {
    refused(DIVISORS, Fault::Conflict(why))
}
