//! Long-context scaling of rotary positions, from what a GGUF file keeps of it.

use std::f32::consts::TAU;

use serde_json::{Value, json};

use super::model::{Model, merged};
use super::{decimal, failed, refused};
use crate::gguf::{Fault, GgufError, Metadata};

/// The tensor that holds one divisor per rotary frequency.
pub(in crate::gguf) const DIVISORS: &str = "rope_freqs.weight";
/// The same for texts longer and no longer than those of the training before, in Phi 3.
pub(in crate::gguf) const LONG_FACTORS: &str = "rope_factors_long.weight";
pub(in crate::gguf) const SHORT_FACTORS: &str = "rope_factors_short.weight";

pub(super) const ORIGINAL_CONTEXT: &str = "rope.scaling.original_context_length";
pub(super) const ATTENTION_FACTOR: &str = "rope.scaling.attn_factor";
const KIND: &str = "rope.scaling.type";
const FACTOR: &str = "rope.scaling.factor";

/// The constants of Llama 3.1 and later. The file does not keep them, only the divisors that follow from them.
const LOW_FREQUENCY: f32 = 1.0;
const HIGH_FREQUENCY: f32 = 4.0;
const USUAL_ORIGINAL_CONTEXT: f32 = 8192.0;
/// How far the divisors may be off, relatively: they were computed in 32-bit floats.
const TOLERANCE: f32 = 1e-4;

/// The value of `rope_scaling`, or null where positions are not scaled.
pub(super) fn scaling(model: &Model<'_>) -> Result<Value, GgufError> {
    let stated = stated(model)?;
    let Some(tensor) = model.gguf.tensor(DIVISORS) else { return Ok(stated) };
    if !stated.is_null() {
        return Err(conflict("the file scales positions by its settings and by frequency too".to_owned()));
    }
    let frequencies = model.sizes.rotated / 2;
    if tensor.len() != frequencies {
        return Err(conflict(format!("{} divisors for {frequencies} frequencies", tensor.len())));
    }
    let context = Metadata::optional(model.keys.size(ORIGINAL_CONTEXT))?;
    by_frequency(&tensor.to_f32(), model.theta()?, context.map(|context| context as f32))
}

/// The scaling that the settings name.
fn stated(model: &Model<'_>) -> Result<Value, GgufError> {
    let keys = &model.keys;
    match Metadata::optional(keys.string(KIND))?.unwrap_or("linear") {
        "none" => Ok(Value::Null),
        "linear" => {
            let given =
                Metadata::optional(keys.float(FACTOR))?.or(Metadata::optional(keys.float("rope.scale_linear"))?);
            match given.filter(|factor| *factor != 0.0 && *factor != 1.0) {
                None => Ok(Value::Null),
                Some(factor) if factor.is_finite() && factor > 0.0 => {
                    Ok(json!({"rope_type": "linear", "factor": decimal(factor)}))
                }
                Some(factor) => {
                    keys.conflict(KIND, format!("{factor} is not a factor that positions can be scaled by"))
                }
            }
        }
        "yarn" => yarn(model),
        other => {
            let known = "`none`, `linear` and `yarn`".to_owned();
            Err(refused(&keys.named(KIND), Fault::Unsupported { found: other.to_owned(), known }))
        }
    }
}

/// YaRN, as Qwen 2.5 and 3 use it for long texts.
fn yarn(model: &Model<'_>) -> Result<Value, GgufError> {
    const EXTRAPOLATION: &str = "rope.scaling.yarn_ext_factor";
    let keys = &model.keys;
    if let Some(factor) = Metadata::optional(keys.float(EXTRAPOLATION))?.filter(|factor| *factor != 1.0) {
        return keys.conflict(EXTRAPOLATION, format!("{factor}, where the converted model has 1"));
    }
    let named =
        [("attention_factor", "yarn_attn_factor"), ("beta_fast", "yarn_beta_fast"), ("beta_slow", "yarn_beta_slow")];
    let mut scaling = json!({
        "rope_type": "yarn",
        "factor": decimal(keys.number(FACTOR)?),
        "original_max_position_embeddings": keys.positive(ORIGINAL_CONTEXT)?,
    });
    for (field, name) in named {
        if let Some(number) = keys.number_if_there(&format!("rope.scaling.{name}"))? {
            scaling = merged(scaling, json!({field: decimal(number)}));
        }
    }
    Ok(scaling)
}

/// Phi 3's scaling by the length of the text, or null where the file has no factors for it.
pub(super) fn by_length(model: &Model<'_>, original: usize) -> Result<Value, GgufError> {
    let (keys, context) = (&model.keys, model.sizes.context);
    let stated = keys.number_if_there(ATTENTION_FACTOR)?.unwrap_or(1.0);
    let [long, short] = [LONG_FACTORS, SHORT_FACTORS].map(|name| model.gguf.tensor(name).ok_or(name));
    let (long, short) = match (long, short) {
        (Ok(long), Ok(short)) => (long, short),
        (Err(_), Err(_)) if stated == 1.0 && Metadata::optional(keys.string(KIND))? != Some("longrope") => {
            return Ok(Value::Null);
        }
        (Err(missing), _) | (_, Err(missing)) => return Err(failed(missing, Fault::Missing)),
    };
    let expected = attention_factor(context, original);
    if (stated - expected).abs() > TOLERANCE * expected {
        return keys.conflict(
            ATTENTION_FACTOR,
            format!("{stated}, where {context} positions from {original} give {expected}"),
        );
    }
    let factors = |tensor: &crate::gguf::TensorInfo<'_>| {
        let frequencies = model.sizes.rotated / 2;
        if tensor.shape != [frequencies] {
            let fault = Fault::Shape { found: tensor.shape.clone(), expected: format!("[{frequencies}]") };
            return Err(failed(tensor.name, fault));
        }
        Ok(tensor.to_f32().into_iter().map(decimal).collect::<Vec<_>>())
    };
    Ok(json!({"type": "longrope", "short_factor": factors(short)?, "long_factor": factors(long)?}))
}

/// By how much the rotated queries and keys are scaled in the model whose context was lengthened.
fn attention_factor(context: usize, original: usize) -> f32 {
    let scale = context as f32 / original as f32;
    if scale > 1.0 { (1.0 + scale.ln() / (original as f32).ln()).sqrt() } else { 1.0 }
}

/// Finds the Llama 3 scaling that these divisors come from, and makes sure of it by computing them again. The converter
/// does not write the context of the training before; where it is not the usual one, the divisors tell it.
pub(in crate::gguf) fn by_frequency(divisors: &[f32], theta: f32, stated: Option<f32>) -> Result<Value, GgufError> {
    let factor = divisors.iter().copied().fold(1.0, f32::max);
    if divisors.iter().all(|divisor| *divisor == 1.0) {
        return Ok(Value::Null);
    }
    let frequencies = divisors.len();
    let agrees = |context: &f32| {
        divisors.iter().enumerate().all(|(i, divisor)| {
            let expected = llama3_divisor(i, frequencies, theta, factor, *context);
            (divisor - expected).abs() <= TOLERANCE * expected
        })
    };
    let inferred = context_by_blend(divisors, theta, factor);
    let candidates = stated.map_or([Some(USUAL_ORIGINAL_CONTEXT), inferred], |stated| [Some(stated), None]);
    let Some(context) = candidates.into_iter().flatten().find(agrees) else {
        let from = stated.unwrap_or(USUAL_ORIGINAL_CONTEXT);
        return Err(conflict(format!(
            "the divisors are not those of Llama 3 scaling with factor {factor} from {from}"
        )));
    };
    Ok(json!({
        "rope_type": "llama3",
        "factor": decimal(factor),
        "low_freq_factor": LOW_FREQUENCY,
        "high_freq_factor": HIGH_FREQUENCY,
        "original_max_position_embeddings": context as u64,
    }))
}

/// The context by the first divisor that is neither one nor the factor.
fn context_by_blend(divisors: &[f32], theta: f32, factor: f32) -> Option<f32> {
    let i = divisors.iter().position(|divisor| *divisor > 1.0 && *divisor < factor)?;
    let blend = (1.0 / divisors[i] - 1.0 / factor) / (1.0 - 1.0 / factor);
    let turns = LOW_FREQUENCY + blend * (HIGH_FREQUENCY - LOW_FREQUENCY);
    Some((turns * wavelength(i, divisors.len(), theta)).round()).filter(|context| *context >= 1.0)
}

fn wavelength(i: usize, frequencies: usize, theta: f32) -> f32 {
    TAU * theta.powf(i as f32 / frequencies as f32)
}

/// What the rotary frequency `i` is divided by: 1 for short waves, the factor for long ones, in between in between.
fn llama3_divisor(i: usize, frequencies: usize, theta: f32, factor: f32, context: f32) -> f32 {
    let turns = context / wavelength(i, frequencies, theta);
    let blend = ((turns - LOW_FREQUENCY) / (HIGH_FREQUENCY - LOW_FREQUENCY)).clamp(0.0, 1.0);
    1.0 / ((1.0 - blend) / factor + blend)
}

fn conflict(why: String) -> GgufError {
    refused(DIVISORS, Fault::Conflict(why))
}
