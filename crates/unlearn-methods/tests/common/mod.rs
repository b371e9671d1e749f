//! A model that is small enough for every test.

// Each test file uses a part of it.
#![allow(dead_code)]

pub mod steps;

use std::path::Path;

use serde_json::json;
use unlearn_data::TokenRow;
use unlearn_engine::checkpoint::{Precision, Source};
use unlearn_engine::train::{Alternates, Sets};
use unlearn_engine::{Decoder, LanguageModel, Parameters, device, families};

/// A two-layer model with random weights, and rows of random tokens.
pub struct Tiny {
    pub model: LanguageModel,
    pub sets: Sets,
}

/// Numbers that look random and are the same each time.
pub fn noise(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) + 1;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1u64 << 53) as f64
    }
}

impl Tiny {
    /// A new one, always the same.
    pub fn new() -> Self {
        let config = json!({
            "model_type": "llama", "vocab_size": 31, "hidden_size": 16, "intermediate_size": 24,
            "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "hidden_act": "silu",
            "tie_word_embeddings": false, "rms_norm_eps": 1e-5, "max_position_embeddings": 64,
        });
        let decoder = Decoder::new(families::decoder_config(&config, Path::new("config.json")).expect("a llama"));
        let mut draw = noise(1);
        let values = decoder.specs().iter().map(|s| {
            let center = if s.shape[0] == 1 { 1.0 } else { 0.0 };
            (0..s.len()).map(|_| (center + 0.6 * (draw() - 0.5)) as f32).collect()
        });
        let values = values.collect();
        let parameters = Parameters::new(decoder.specs().to_vec(), values, &device::by_name("cpu").expect("cpu"));
        let mut source = Source { config, ..Source::default() };
        for spec in decoder.specs() {
            source.precision.insert(spec.name.clone(), Precision::F32);
        }
        let mut row = |n: usize| {
            let ids: Vec<u32> = (0..n).map(|_| (draw() * 31.0) as u32).collect();
            let labels = ids.iter().enumerate().map(|(i, &id)| if i < n / 3 { -100 } else { i64::from(id) }).collect();
            TokenRow::of_tokens(ids, labels)
        };
        let mut sets = Sets::new(vec![row(9), row(6), row(12)], vec![row(7), row(11), row(8)]);
        let mut answers = |each: usize| (0..3).map(|i| (0..each).map(|k| row(6 + i + 2 * k)).collect()).collect();
        (sets.forget_alternates, sets.retain_alternates) =
            (Alternates::new(answers(4), 1), Alternates::new(answers(1), 1));
        let model = LanguageModel {
            path: "".into(),
            decoder,
            parameters,
            tokenizer: None,
            template: None,
            guard: None,
            source,
        };
        Self { model, sets }
    }

    /// A little away from the reference, where no term is at a special point.
    pub fn moved(&mut self, seed: u64) {
        let mut draw = noise(seed);
        for i in 0..self.model.parameters.specs().len() {
            self.model.parameters.update(i, |v| v.iter_mut().for_each(|x| *x += 0.05 * (draw() as f32 - 0.5)));
        }
    }
}
