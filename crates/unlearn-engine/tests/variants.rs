//! Options that the golden models do not have, against transformers' logits (`testdata/gen/variants.py`).

use std::path::{Path, PathBuf};

use safetensors::SafeTensors;
use serde_json::{Map, Value, json};
use unlearn_engine::decoder::Rows;
use unlearn_engine::generate::{Options, generate};
use unlearn_engine::tensor::{Int, Tensor, TensorData, values};
use unlearn_engine::{LanguageModel, device};

fn testdata() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata")
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).expect("a file")).expect("JSON")
}

/// The golden model with some of its configuration changed; `null` removes.
fn model(base: &str, changes: &Map<String, Value>) -> LanguageModel {
    let folder = testdata().join("golden/models").join(base);
    let mut config = read(&folder.join("config.json"));
    for (name, value) in changes {
        config[name] = value.clone();
    }
    let copy = tempfile::tempdir().expect("temp dir");
    std::fs::copy(folder.join("model.safetensors"), copy.path().join("model.safetensors")).expect("copy");
    std::fs::write(copy.path().join("config.json"), config.to_string()).expect("writes");
    LanguageModel::read(copy.path(), &device::by_name("cpu").expect("cpu")).expect("the variant")
}

fn logits(model: &LanguageModel, ids: &[i64], rows: &Rows) -> Vec<f32> {
    let count = rows.lengths.len().max(1);
    let weights = model.parameters.frozen();
    let data = TensorData::new(ids.to_vec(), [count, ids.len() / count]);
    let tokens: Tensor<2, Int> = Tensor::from_data(data, model.parameters.device());
    let hidden = model.decoder.hidden(&weights, tokens, rows);
    let [rows, n, width] = hidden.dims();
    values(model.decoder.logits(&weights, hidden.reshape([rows * n, width])))
}

fn first_row(base: &str) -> Vec<i64> {
    let bytes = std::fs::read(testdata().join("golden/models").join(base).join("golden.safetensors")).expect("golden");
    let file = SafeTensors::deserialize(&bytes).expect("safetensors");
    let data = file.tensor("input_ids").expect("ids").data()[..28 * 8].to_vec();
    data.chunks_exact(8).map(|b| i64::from_le_bytes(b.try_into().expect("8 bytes"))).collect()
}

#[test]
fn every_variant_gives_the_logits_of_transformers() {
    let mut seen = 0;
    for entry in std::fs::read_dir(testdata().join("variants")).expect("variants") {
        let path = entry.expect("an entry").path();
        let variant = read(&path);
        let base = variant["model"].as_str().expect("a name");
        let ours =
            logits(&model(base, variant["config"].as_object().expect("an object")), &first_row(base), &Rows::default());
        let theirs: Vec<f32> = serde_json::from_value(variant["logits"].clone()).expect("numbers");
        assert_eq!(ours.len(), theirs.len());
        let worst = ours.iter().zip(&theirs).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(worst < 1e-4, "{}: logits differ by {worst}", path.display());
        seen += 1;
    }
    assert!(seen >= 12, "only {seen} variants");
}

/// Where frequencies depend on a row's length, a longer neighbour must not change it.
#[test]
fn a_row_does_not_depend_on_its_neighbours_length() {
    for name in ["dynamic", "longrope-long"] {
        let variant = read(&testdata().join("variants").join(format!("{name}.json")));
        let base = variant["model"].as_str().expect("a name");
        let model = model(base, variant["config"].as_object().expect("an object"));
        let long = first_row(base);
        let alone = logits(&model, &long[..10], &Rows::default());
        let mut both = long.clone();
        both.extend(&long[..10]);
        both.extend([0; 18]);
        let together = logits(&model, &both, &Rows { lengths: vec![28, 10], unseen: Vec::new(), tree: None });
        let vocabulary = together.len() / 56;
        let second = &together[28 * vocabulary..38 * vocabulary];
        let worst = alone.iter().zip(second).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(worst < 1e-5, "{name}: differs by {worst}");
    }
}

/// Rows that grow past the length from which frequencies change.
#[test]
fn greedy_tokens_are_the_same_without_a_cache() {
    for name in ["dynamic", "longrope-long", "qwen2-windows", "gpt2-unscaled"] {
        let variant = read(&testdata().join("variants").join(format!("{name}.json")));
        let base = variant["model"].as_str().expect("a name");
        let model = model(base, variant["config"].as_object().expect("an object"));
        let prompt: Vec<u32> = first_row(base)[..8].iter().map(|&i| i as u32).collect();
        let options = Options { max_new_tokens: 20, ..Options::default() };
        let shorter = prompt[..5].to_vec();
        let answers = generate(&model, &[prompt.clone(), shorter], &options, |_, _| ()).expect("generates").answers;
        let mut ids: Vec<i64> = prompt.iter().map(|&i| i64::from(i)).collect();
        for (i, token) in answers[0].ids.iter().enumerate() {
            let all = logits(&model, &ids, &Rows::default());
            let last = &all[all.len() - all.len() / ids.len()..];
            let best = (0..last.len()).max_by(|&a, &b| last[a].total_cmp(&last[b])).expect("a token");
            assert_eq!(best as u32, *token, "{name}: token {i}");
            ids.push(i64::from(*token));
        }
        assert!(answers[0].ids.len() > 10, "{name}: ended after {} tokens", answers[0].ids.len());
    }
}

#[test]
fn options_that_the_decoder_lacks_are_named() {
    let cases = [
        ("llama", json!({"rope_parameters": {"rope_type": "spiral", "rope_theta": 1e4}}), "`spiral`"),
        ("llama", json!({"rope_parameters": {"rope_type": "linear", "factor": 2.0, "wobble": 3.0}}), "wobble"),
        ("llama", json!({"quantization_config": {"bits": 4}}), "quantization_config"),
        ("llama", json!({"hidden_act": "relu"}), "`relu`"),
        ("phi", json!({"qk_layernorm": true}), "qk_layernorm"),
        ("gemma3", json!({"use_bidirectional_attention": true}), "use_bidirectional_attention"),
        ("gpt2", json!({"scale_attn_by_inverse_layer_idx": true}), "scale_attn_by_inverse_layer_idx"),
        ("qwen3", json!({"layer_types": ["full_attention", "full_attention", "linear_attention"]}), "linear_attention"),
        ("mistral", json!({"model_type": "mixtral"}), "`mixtral`"),
        ("gpt-neox", json!({"rotary_pct": 0.1, "rope_parameters": null}), "turn in pairs"),
        (
            "phi3",
            json!({"rope_parameters": {"rope_type": "longrope", "short_factor": [1.0], "long_factor": [1.0]}}),
            "short_factor",
        ),
    ];
    for (base, changes, named) in cases {
        let folder = testdata().join("golden/models").join(base);
        let mut config = read(&folder.join("config.json"));
        for (name, value) in changes.as_object().expect("an object") {
            config[name] = value.clone();
        }
        let copy = tempfile::tempdir().expect("temp dir");
        std::fs::write(copy.path().join("config.json"), config.to_string()).expect("writes");
        let error = LanguageModel::read_config(copy.path()).expect_err(named);
        let mut text = error.to_string();
        let mut cause = std::error::Error::source(&error);
        while let Some(inner) = cause {
            text = format!("{text}: {inner}");
            cause = inner.source();
        }
        assert!(text.contains(named), "{base} {changes}: {text}");
    }
}
