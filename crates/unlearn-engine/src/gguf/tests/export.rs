//! Models written as GGUF files and read again: the same decoder, weights and tokens, for every architecture.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::checkpoint::Source;
use crate::decoder::NormKind;
use crate::gguf::{Form, Gguf, Names, TensorKind};
use crate::{EngineError, LanguageModel, device};

const MODELS: [&str; 12] =
    ["llama", "llama3-rope", "qwen2", "qwen3", "gemma", "gemma2", "gemma3", "phi", "phi3", "gpt-neox", "gpt2", "olmo2"];

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/golden").join(name)
}

fn read(path: &Path) -> LanguageModel {
    LanguageModel::read(path, &device::by_name("cpu").unwrap()).unwrap()
}

/// Writes a model, and reads it again.
fn there_and_back(model: &LanguageModel, kind: TensorKind) -> (LanguageModel, Vec<u8>, Vec<String>) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("model.gguf");
    let notes = model.save_gguf(&path, kind).unwrap();
    (read(&path), std::fs::read(&path).unwrap(), notes)
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

#[test]
fn a_model_in_32_bits_is_the_same_decoder_with_the_same_weights() {
    for name in MODELS {
        let model = read(&golden("models").join(name));
        let (again, _, notes) = there_and_back(&model, TensorKind::F32);
        assert_eq!(again.decoder.config(), model.decoder.config(), "{name}");
        assert!(notes.is_empty(), "{name}: {notes:?}");
        for (i, spec) in model.decoder.specs().iter().enumerate() {
            assert_eq!(again.decoder.specs()[i], *spec, "{name}");
            let (mut found, mut expected) = (again.parameters.values(i), model.parameters.values(i));
            // Only the sum is stored of norms that multiply by one plus the weight; it is all that the model uses.
            if model.decoder.config().norm == NormKind::RmsPlusOne && spec.name.ends_with("norm.weight") {
                [&mut found, &mut expected].into_iter().flatten().for_each(|value| *value += 1.0);
            }
            assert_eq!(bits(&found), bits(&expected), "{name}: {}", spec.name);
        }
    }
}

#[test]
fn a_model_in_another_type_has_each_matrix_rounded_once() {
    for (name, kind) in MODELS.iter().flat_map(|name| TensorKind::writable().map(move |kind| (name, kind))) {
        let model = read(&golden("models").join(name));
        let (again, bytes, notes) = there_and_back(&model, kind);
        let gguf = Gguf::parse(&bytes).unwrap();
        let names = Names::of_architecture(gguf.metadata.string("general.architecture").unwrap()).unwrap();
        let smaller = match kind {
            TensorKind::Q4_K => TensorKind::Q5_0,
            TensorKind::Q5_K => TensorKind::Q5_1,
            _ => kind,
        };
        let mut fallen = Vec::new();
        for (i, spec) in model.decoder.specs().iter().enumerate() {
            let place = names.in_file(&spec.name).unwrap();
            let tensor = gguf.tensor(&place.file).unwrap();
            let row = *tensor.shape.last().unwrap();
            let is_float = tensor.shape.len() == 1 || place.file == "position_embd.weight";
            let kinds = if is_float { vec![TensorKind::F32] } else { vec![kind, smaller, TensorKind::F16] };
            let expected = kinds.into_iter().find(|kind| row.is_multiple_of(kind.values_per_block())).unwrap();
            assert_eq!(tensor.kind, expected, "{name}: {}", place.file);
            if kind.values_per_block() > 1 && ![kind, TensorKind::F32].contains(&expected) {
                fallen.push(expected);
            }
            if place.form == Form::PlusOne {
                continue;
            }
            let head_dim = model.decoder.config().head_dim;
            let stored = place.form.to_file(&spec.disk_shape(), head_dim, spec.to_disk(model.parameters.values(i)));
            let rounded = expected.decode(&expected.encode(&stored, row).unwrap());
            let found = spec.to_disk(again.parameters.values(i));
            let expected = place.form.to_model(&tensor.shape, head_dim, rounded);
            assert_eq!(bits(&found), bits(&expected), "{name}, {kind:?}: {}", spec.name);
        }
        for other in TensorKind::writable() {
            let count = fallen.iter().filter(|kind| **kind == other).count();
            let start = format!("{count} tensors are stored as {}, ", other.name());
            assert_eq!(notes.iter().any(|note| note.starts_with(&start)), count > 0, "{name}, {kind:?}: {notes:?}");
        }
    }
}

/// Settings that the converter leaves to llama.cpp's defaults, or writes of one architecture and not of another.
const DEFAULTS: [&str; 8] = [
    "attention.head_count_kv",
    "attention.key_length",
    "attention.value_length",
    "rope.dimension_count",
    "rope.freq_base",
    "rope.freq_base_swa",
    "rope.scaling.original_context_length",
    "vocab_size",
];

#[test]
fn a_file_of_the_converter_is_written_again_with_its_settings_and_tensors() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/gguf/models");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    // llama.cpp reads no window from a file of the architecture `llama`: what has one is not written.
    files.retain(|path| {
        path.extension().is_some_and(|extension| extension == "gguf") && !path.ends_with("mistral.gguf")
    });
    assert!(files.len() >= 19);
    for path in files {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let original = std::fs::read(&path).unwrap();
        let original = Gguf::parse(&original).unwrap();
        let (_, bytes, _) = there_and_back(&read(&path), TensorKind::F32);
        let again = Gguf::parse(&bytes).unwrap();
        let prefix = format!("{}.", original.metadata.string("general.architecture").unwrap());
        for (key, value) in original.metadata.iter().filter(|(key, _)| key.starts_with(&prefix)) {
            assert_eq!(again.metadata.get(key), Some(value), "{name}: {key}");
        }
        let added = again.metadata.iter().filter_map(|(key, _)| key.strip_prefix(&prefix));
        let added = added.filter(|key| original.metadata.get(&format!("{prefix}{key}")).is_none());
        assert_eq!(added.filter(|key| !DEFAULTS.contains(key)).collect::<Vec<_>>(), [""; 0], "{name}");
        for tensor in
            original.tensors.iter().filter(|tensor| !tensor.name.contains("attn_qkv") || !name.contains("fused"))
        {
            let found = again.tensor(tensor.name).unwrap();
            assert_eq!(
                (found.shape.as_slice(), found.kind),
                (tensor.shape.as_slice(), tensor.kind),
                "{name}: {}",
                tensor.name
            );
            let (found, expected) = (found.to_f32(), tensor.to_f32());
            if tensor.name == "rope_freqs.weight" {
                // Computed from the scaling, there in 32 bits and here in 64.
                let near = |(a, b): (&f32, &f32)| (a - b).abs() <= 1e-6 * b;
                assert!(found.iter().zip(&expected).all(near), "{found:?} {expected:?}");
                continue;
            }
            assert_eq!(bits(&found), bits(&expected), "{name}: {}", tensor.name);
        }
    }
}

/// Changes a golden model's configuration and tries to write it.
fn refusal(name: &str, field: &str, value: Value) -> String {
    let dir = tempfile::tempdir().unwrap();
    let (from, to) = (golden("models").join(name), dir.path().join("model"));
    std::fs::create_dir(&to).unwrap();
    std::fs::copy(from.join("model.safetensors"), to.join("model.safetensors")).unwrap();
    let mut config = Source::read(&from).unwrap().config;
    config[field] = value;
    std::fs::write(to.join("config.json"), config.to_string()).unwrap();
    let path = dir.path().join("a.gguf");
    let error = read(&to).save_gguf(&path, TensorKind::F32).unwrap_err();
    assert!(!path.exists() && matches!(error, EngineError::WriteGguf { .. }), "{error}");
    format!("{}; {}", std::error::Error::source(&error).unwrap(), error.hint().unwrap_or_default())
}

#[test]
fn what_llama_cpp_would_compute_otherwise_is_refused() {
    let yarn = json!({"rope_type": "yarn", "factor": 4.0, "attention_factor": 1.5, "rope_theta": 1e4});
    let dynamic = json!({"rope_type": "dynamic", "factor": 2.0, "rope_theta": 1e4});
    let llama3 = Source::read(&golden("models/llama3-rope")).unwrap().config["rope_parameters"].clone();
    let thirds = json!(["sliding_attention", "sliding_attention", "full_attention"]);
    let uneven = json!(["full_attention", "sliding_attention", "full_attention"]);
    let cases: [(&str, &str, Value, &[&str]); 11] = [
        ("llama", "hidden_act", json!("gelu"), &["`hidden_act`", "Gelu", "Silu"]),
        ("gpt-neox", "hidden_act", json!("gelu_new"), &["`hidden_act`", "`gptneox`"]),
        ("llama", "rope_parameters", yarn, &["`attention_factor`", "1.5"]),
        ("qwen2", "rope_parameters", dynamic, &["`rope_type`", "dynamic"]),
        ("olmo2", "rope_parameters", llama3, &["`rope_type`", "`olmo2`"]),
        ("mistral", "sliding_window", json!(9), &["`sliding_window`", "`llama`", "does not end in `.gguf`"]),
        ("gemma2", "layer_types", thirds, &["`sliding_window`", "`gemma2`"]),
        ("gemma3", "layer_types", uneven, &["`sliding_window`", "`gemma3`"]),
        ("gemma2", "query_pre_attn_scalar", json!(16), &["`query_pre_attn_scalar`", "0.25"]),
        ("gemma2", "attn_logit_softcapping", json!(null), &["`attn_logit_softcapping`", "no cap"]),
        ("gemma3", "attn_logit_softcapping", json!(20.0), &["`attn_logit_softcapping`", "a cap of 20"]),
    ];
    for (name, field, value, expected) in cases {
        let message = refusal(name, field, value);
        expected.iter().for_each(|part| assert!(message.contains(part), "{name}: {expected:?}: {message}"));
    }
}

#[test]
fn a_family_or_weight_without_a_counterpart_is_refused_by_name() {
    let model = read(&golden("models/llama"));
    let with = |config: &Value, drop: &str, rename: &str| {
        let mut entries = model.entries();
        entries.retain(|entry| entry.name != drop);
        entries.iter_mut().filter(|entry| entry.name == rename).for_each(|entry| entry.name.push_str(".extra.weight"));
        let exported = crate::gguf::export("m", config, model.decoder.config(), None, entries, TensorKind::F32);
        exported.err().map(|error| error.to_string()).unwrap_or_default()
    };
    let config = &model.source.config;
    let mut other = config.clone();
    other["model_type"] = "mamba".into();
    let cases: [(String, &[&str]); 3] = [
        (with(&other, "", ""), &["`model_type`", "`mamba`", "`llama`", "`qwen2`"]),
        (with(config, "model.layers.1.mlp.up_proj.weight", ""), &["`model.layers.1.mlp.up_proj.weight`", "missing"]),
        (with(config, "", "model.norm.weight"), &["`model.norm.weight.extra.weight`", "no tensor of `llama`"]),
    ];
    for (message, expected) in cases {
        expected.iter().for_each(|part| assert!(message.contains(part), "{expected:?}: {message}"));
    }
}

#[test]
fn what_a_window_as_long_as_the_context_changes_is_nothing() {
    let mut model = read(&golden("models/mistral"));
    let dir = tempfile::tempdir().unwrap();
    model.source.config["sliding_window"] = model.source.config["max_position_embeddings"].clone();
    model.save(&dir.path().join("wide")).unwrap();
    let (again, ..) = there_and_back(&read(&dir.path().join("wide")), TensorKind::F32);
    assert!(again.decoder.config().layers.iter().all(|layer| layer.window.is_none()));
    for i in 0..model.decoder.specs().len() {
        assert_eq!(bits(&again.parameters.values(i)), bits(&model.parameters.values(i)));
    }
}
