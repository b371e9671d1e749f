//! What a checkpoint's `generation_config.json` says of generation.

use std::path::Path;

use serde_json::Value;

use super::Sampling;
use crate::families::json::Fields;
use crate::{EngineError, LanguageModel};

/// Ways of generating that this program lacks; each with the value that switches it off.
const LACKING: &[(&str, f64)] = &[
    ("num_beams", 1.0),
    ("num_beam_groups", 1.0),
    ("penalty_alpha", 0.0),
    ("typical_p", 1.0),
    ("epsilon_cutoff", 0.0),
    ("eta_cutoff", 0.0),
    ("no_repeat_ngram_size", 0.0),
    ("encoder_repetition_penalty", 1.0),
    ("diversity_penalty", 0.0),
    ("guidance_scale", 1.0),
];

/// How the checkpoint wants to be sampled: greedily, unless its `generation_config.json` says `do_sample`; what that
/// leaves out is as transformers has it (temperature 1, the best 50 tokens).
///
/// # Errors
/// When a value is out of range, or it asks for a way of generating that this program lacks.
pub fn sampling(model: &LanguageModel) -> Result<Sampling, EngineError> {
    let config = generation_config(model);
    let path = model.path.join("generation_config.json");
    sampling_of(&config, &path)
}

fn sampling_of(config: &Value, path: &Path) -> Result<Sampling, EngineError> {
    let fields = Fields::new(config, path);
    for (name, off) in LACKING {
        if config[*name].as_f64().is_some_and(|x| x != *off) {
            return Err(fields.bad(name, format!("is {}, a way of generating that this program lacks", config[*name])));
        }
    }
    let repetition_penalty = fields.number_or("repetition_penalty", 1.0)?;
    if !fields.switch("do_sample")? {
        return Ok(Sampling { repetition_penalty, ..Sampling::default() });
    }
    let share = |name: &str, default: f64| match config[name].as_f64() {
        Some(x) if (0.0..=1.0).contains(&x) => Ok(x),
        None if config[name].is_null() => Ok(default),
        _ => Err(fields.bad(name, format!("is {}, not a share between 0 and 1", config[name]))),
    };
    Ok(Sampling {
        temperature: fields.number_or("temperature", 1.0)?,
        top_k: if config["top_k"].as_u64() == Some(0) { 0 } else { fields.size_or("top_k", 50)? },
        top_p: share("top_p", 1.0)?,
        min_p: share("min_p", 0.0)?,
        repetition_penalty,
    })
}

pub(super) fn generation_config(model: &LanguageModel) -> Value {
    let file = model.source.companions.get("generation_config.json");
    file.and_then(|b| serde_json::from_slice(b).ok()).unwrap_or(Value::Null)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(config: Value) -> Result<Sampling, EngineError> {
        sampling_of(&config, Path::new("generation_config.json"))
    }

    #[test]
    fn sampling_is_what_the_file_says() {
        assert_eq!(of(Value::Null).expect("greedy"), Sampling::default());
        assert_eq!(of(json!({"temperature": 0.5})).expect("greedy"), Sampling::default());
        let asked =
            json!({"do_sample": true, "temperature": 0.7, "top_k": 20, "top_p": 0.8, "repetition_penalty": 1.05});
        let said = Sampling { temperature: 0.7, top_k: 20, top_p: 0.8, min_p: 0.0, repetition_penalty: 1.05 };
        assert_eq!(of(asked).expect("sampling"), said);
        assert_eq!(of(json!({"do_sample": true})).expect("sampling").top_k, 50);
    }

    #[test]
    fn what_is_lacking_is_named() {
        for (config, named) in [
            (json!({"num_beams": 4}), "num_beams"),
            (json!({"do_sample": true, "temperature": -1}), "temperature"),
            (json!({"do_sample": true, "top_p": 1.5}), "top_p"),
            (json!({"do_sample": "yes"}), "do_sample"),
        ] {
            let error = of(config).expect_err(named).to_string();
            assert!(error.contains(named), "{error}");
        }
    }
}
