//! New models, from random weights.

use std::path::Path;

use burn::tensor::Device;
use rand::RngExt;
use serde_json::{Value, json};
use unlearn_core::seed;
use unlearn_data::{ChatTemplate, Tokenizer};

use crate::checkpoint::{Precision, Source};
use crate::decoder::Role;
use crate::{Decoder, EngineError, LanguageModel, Parameters, families};

/// Standard deviation of new weights (GPT-2; `initializer_range` of most families).
const SPREAD: f64 = 0.02;

/// A model of a configuration with random weights: normal with deviation 0.02, norms at one, biases at zero, projections back into
/// the stream smaller by the root of their number (Radford et al., 2019).
///
/// # Errors
/// When the configuration is of no known family or the tokenizer does not fit.
pub fn random_model(
    config: Value,
    tokenizer: Tokenizer,
    template: ChatTemplate,
    seed: u64,
    device: &Device,
) -> Result<LanguageModel, EngineError> {
    let path = Path::new("config.json");
    let decoder = Decoder::new(families::decoder_config(&config, path)?);
    let into_stream = SPREAD / (2.0 * decoder.config().layers.len() as f64).sqrt();
    let mut values = Vec::new();
    for spec in decoder.specs() {
        let spread = match spec.role {
            Role::NormWeight => {
                values.push(vec![1.0; spec.len()]);
                continue;
            }
            Role::NormOffset | Role::Bias => {
                values.push(vec![0.0; spec.len()]);
                continue;
            }
            Role::IntoStream => into_stream,
            _ => SPREAD,
        };
        let mut rng = seed::stream(seed, &format!("init/{}", spec.name));
        values.push((0..spec.len()).map(|_| (normal(&mut rng) * spread) as f32).collect());
    }
    let mut source = Source { config, ..Source::default() };
    source.companions.insert("tokenizer.json".into(), tokenizer.to_json()?.into_bytes());
    source.companions.insert("tokenizer_config.json".into(), tokenizer_config(&template).to_string().into_bytes());
    for spec in decoder.specs() {
        source.precision.insert(spec.name.clone(), Precision::F32);
    }
    let parameters = Parameters::new(decoder.specs().to_vec(), values, device);
    let (tokenizer, template) = (Some(tokenizer), Some(template));
    LanguageModel { path: path.to_owned(), decoder, parameters, tokenizer, template, guard: None, source }.checked()
}

fn tokenizer_config(template: &ChatTemplate) -> Value {
    json!({
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": template.eos_token(),
        "chat_template": template.source(),
        "clean_up_tokenization_spaces": false,
    })
}

/// A standard normal draw (Box and Muller, 1958).
fn normal(rng: &mut rand_chacha::ChaCha8Rng) -> f64 {
    let (u, v): (f64, f64) = (1.0 - rng.random::<f64>(), rng.random());
    (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}
