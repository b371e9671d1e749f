//! The golden models, as llama.cpp's converter wrote them into GGUF files: the same models again.
//! `testdata/gen/gguf_models.py` says how the files were made.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::LanguageModel;
use crate::checkpoint::WeightFiles;
use crate::device;
use crate::gguf::{Checkpoint, Form, Gguf, Names};

const GOLDEN: [&str; 13] = [
    "gemma",
    "gemma2",
    "gemma3",
    "gpt-neox",
    "gpt2",
    "llama",
    "llama3-rope",
    "mistral",
    "olmo2",
    "phi",
    "phi3",
    "qwen2",
    "qwen3",
];

/// Fields that no forward pass of a trained model depends on, or that say what is so without them.
const WITHOUT_EFFECT: [&str; 24] = [
    "_sliding_window_pattern",
    "add_cross_attention",
    "attention_dropout",
    "attn_pdrop",
    "classifier_dropout",
    "embd_pdrop",
    "hidden_dropout",
    "initializer_range",
    "is_decoder",
    "max_window_layers",
    "n_layer",
    "num_hidden_layers",
    "pretraining_tp",
    "resid_pdrop",
    "summary_activation",
    "summary_first_dropout",
    "summary_proj_to_labels",
    "summary_type",
    "summary_use_proj",
    "torch_dtype",
    "transformers_version",
    "use_bidirectional_attention",
    "use_cache",
    "dtype",
];

fn testdata() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata")
}

fn read(name: &str) -> Checkpoint<'static> {
    let path = testdata().join("gguf/models").join(format!("{name}.gguf"));
    Checkpoint::parse(std::fs::read(path).unwrap().leak()).unwrap()
}

fn layers(config: &Value) -> u64 {
    config["num_hidden_layers"].as_u64().or(config["n_layer"].as_u64()).unwrap()
}

/// The golden model's weights; of the layers, only those that the file has.
fn same_weights(name: &str, golden: &str) {
    let checkpoint = read(name);
    let files = WeightFiles::open(&testdata().join("golden/models").join(golden)).unwrap();
    let beyond = |name: &&str| {
        let number = name.split('.').find_map(|part| part.parse::<u64>().ok());
        number.is_some_and(|layer| layer >= layers(&checkpoint.config))
    };
    let expected: BTreeSet<_> = files.names().filter(|name| !beyond(name)).collect();
    let found: BTreeSet<_> = checkpoint.weights.iter().map(|weight| weight.name.as_str()).collect();
    assert_eq!(found, expected, "{name}");
    for weight in &checkpoint.weights {
        let stored = files.read(&weight.name).unwrap().unwrap();
        assert_eq!(weight.shape(), stored.shape, "{name}: {}", weight.name);
        // Gemma's norms: adding one and taking it away again rounds small weights to the grid of floats around one.
        // What the model multiplies by is `1 + w`, and that has to be the same to the bit.
        let kept = if weight.form == Form::PlusOne { 1.0 } else { 0.0 };
        let bits = |values: &[f32]| values.iter().map(|value| (kept + value).to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&weight.to_f32()), bits(&stored.values), "{name}: {}", weight.name);
    }
}

#[test]
fn every_weight_of_the_golden_models_is_found_again_bit_for_bit() {
    GOLDEN.into_iter().for_each(|name| same_weights(name, name));
}

#[test]
fn queries_keys_and_values_in_one_tensor_are_taken_apart() {
    for (name, golden) in [("llama-fused", "llama"), ("phi-fused", "phi")] {
        let bytes = std::fs::read(testdata().join("gguf/models").join(format!("{name}.gguf"))).unwrap();
        assert!(Gguf::parse(&bytes).unwrap().tensor("blk.0.attn_qkv.weight").is_some());
        same_weights(name, golden);
    }
}

#[test]
fn every_field_of_the_golden_configurations_is_found_again() {
    for name in GOLDEN {
        let folder = testdata().join("golden/models").join(name);
        let older = folder.join("config.v4.json");
        let path = if older.exists() { older } else { folder.join("config.json") };
        let golden: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let config = read(name).config;
        let fields = golden.as_object().unwrap().iter();
        for (field, value) in fields.filter(|(field, _)| !WITHOUT_EFFECT.contains(&field.as_str())) {
            let all_global = value.as_array().is_some_and(|kinds| kinds.iter().all(|kind| kind == "full_attention"));
            if field == "layer_types" && all_global {
                // So it is without the field, which published checkpoints of this family lack.
                continue;
            }
            assert_eq!(config[field], *value, "{name}: {field}");
        }
        assert_eq!(layers(&config), if name == "gpt2" { 1 } else { layers(&golden) });
        assert_eq!(config["dtype"], "float32");
    }
}

#[test]
fn settings_that_the_golden_models_lack_are_converted_too() {
    let config = |name: &str| read(name).config;
    let long = config("phi3-longrope");
    let scaling = json!({
        "type": "longrope", "short_factor": [1.0, 1.0, 1.25, 1.5], "long_factor": [1.0, 1.5, 2.0, 4.0],
    });
    assert_eq!(long["rope_scaling"], scaling);
    assert_eq!(long["original_max_position_embeddings"], 64);
    assert_eq!(long["sliding_window"], 9);
    assert_eq!(config("phi3-partial")["partial_rotary_factor"], 0.5);
    let yarn = json!({
        "rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64, "beta_fast": 16.0,
    });
    assert_eq!(config("qwen2-yarn")["rope_scaling"], yarn);
    let linear = config("gemma3-linear");
    assert_eq!(linear["rope_scaling"], json!({"rope_type": "linear", "factor": 8.0}));
    assert_eq!(linear["layer_types"], json!(["sliding_attention"]));
    let global = config("gemma3-global");
    assert_eq!(global["layer_types"], json!(["full_attention"]));
    assert_eq!((&global["sliding_window_pattern"], &global["sliding_window"]), (&json!(1), &json!(null)));
}

/// What a writer does with the tables gives the tensors of the converter's files.
#[test]
fn the_golden_weights_take_the_form_of_the_file() {
    for name in GOLDEN {
        let bytes = std::fs::read(testdata().join("gguf/models").join(format!("{name}.gguf"))).unwrap();
        let gguf = Gguf::parse(&bytes).unwrap();
        let files = WeightFiles::open(&testdata().join("golden/models").join(name)).unwrap();
        let checkpoint = Checkpoint::from_gguf(&gguf).unwrap();
        let names = Names::of_model_type(checkpoint.config["model_type"].as_str().unwrap()).unwrap();
        for weight in &checkpoint.weights {
            let place = names.in_file(&weight.name).unwrap();
            let tensor = gguf.tensor(&place.file).unwrap();
            let stored = files.read(&weight.name).unwrap().unwrap();
            assert_eq!(place.form.shape(&stored.shape), tensor.shape, "{name}: {}", place.file);
            let values = place.form.to_file(&stored.shape, weight.head_dim, stored.values);
            assert_eq!(values, tensor.to_f32(), "{name}: {}", place.file);
        }
    }
}

/// The decoder that the file's configuration asks for is that of the folder, in all that the file can say.
#[test]
fn the_families_make_the_same_decoder_of_file_and_folder() {
    let device = device::by_name("cpu").unwrap();
    // GPT-2's file is cut to one layer.
    for name in GOLDEN.into_iter().filter(|name| *name != "gpt2") {
        let folder = LanguageModel::read(&testdata().join("golden/models").join(name), &device).unwrap();
        let file = LanguageModel::read(&testdata().join("gguf/models").join(format!("{name}.gguf")), &device).unwrap();
        assert_eq!(file.decoder.config(), folder.decoder.config(), "{name}");
        assert_eq!(file.parameters.specs(), folder.parameters.specs(), "{name}");
    }
}

#[test]
fn the_families_know_the_settings_of_the_other_files_or_refuse_them_by_name() {
    let device = device::by_name("cpu").unwrap();
    for name in ["phi3-longrope", "phi3-partial", "qwen2-yarn", "gemma3-linear", "gemma3-global", "phi-fused", "gpt2"] {
        let path = testdata().join("gguf/models").join(format!("{name}.gguf"));
        assert!(LanguageModel::read(&path, &device).is_ok(), "{name}: {:?}", LanguageModel::read(&path, &device).err());
    }
}
