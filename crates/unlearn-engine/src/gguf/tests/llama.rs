//! The conversion of `llama` files: configuration, names, order of rows, and what is refused.

use std::path::Path;

use serde_json::json;

use super::writer::{Entry, KEY_WIDTH, WIDTH, Writer, tiny_llama};
use crate::gguf::{Checkpoint, GgufError};

fn convert(writer: &Writer) -> Result<Checkpoint<'static>, GgufError> {
    Checkpoint::parse(writer.build().leak())
}

fn refusal(writer: &Writer) -> String {
    convert(writer).err().map(|error| error.to_string()).unwrap_or_default()
}

#[test]
fn the_configuration_says_what_the_file_says() {
    let config = convert(&tiny_llama()).unwrap().config;
    let expected = json!({
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu",
        "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1,
        "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 16,
        "attention_bias": false, "mlp_bias": false, "rms_norm_eps": 1e-5, "rope_theta": 100000.0,
        "rope_scaling": null, "max_position_embeddings": 128, "vocab_size": 9, "tie_word_embeddings": true,
        "bos_token_id": 1, "eos_token_id": 0, "pad_token_id": null,
        "torch_dtype": "float32", "dtype": "float32",
    });
    assert_eq!(config, expected);
}

#[test]
fn every_weight_has_its_name_and_shape() {
    let checkpoint = convert(&tiny_llama()).unwrap();
    let named: Vec<_> = checkpoint.weights.iter().map(|weight| (weight.name.as_str(), weight.shape())).collect();
    let expected: [(&str, Vec<usize>); 11] = [
        ("model.embed_tokens.weight", vec![9, 32]),
        ("model.norm.weight", vec![32]),
        ("model.layers.0.input_layernorm.weight", vec![32]),
        ("model.layers.0.self_attn.q_proj.weight", vec![32, 32]),
        ("model.layers.0.self_attn.k_proj.weight", vec![16, 32]),
        ("model.layers.0.self_attn.v_proj.weight", vec![16, 32]),
        ("model.layers.0.self_attn.o_proj.weight", vec![32, 32]),
        ("model.layers.0.post_attention_layernorm.weight", vec![32]),
        ("model.layers.0.mlp.gate_proj.weight", vec![64, 32]),
        ("model.layers.0.mlp.up_proj.weight", vec![64, 32]),
        ("model.layers.0.mlp.down_proj.weight", vec![32, 64]),
    ];
    assert_eq!(named, expected);
}

/// The rows of a head of 16 as the file has them: first of the one half, first of the other, second of the one …
#[test]
fn query_and_key_rows_are_put_back_in_halves() {
    let biased = ["attn_q", "attn_k", "attn_v", "attn_output"].into_iter().fold(tiny_llama(), |writer, part| {
        let rows = if matches!(part, "attn_k" | "attn_v") { KEY_WIDTH } else { WIDTH };
        writer.floats(&format!("blk.0.{part}.bias"), &[rows], (0..rows).map(|row| row as f32))
    });
    let checkpoint = convert(&biased).unwrap();
    let values = |name: &str| {
        let name = format!("model.layers.0.self_attn.{name}");
        checkpoint.weights.iter().find(|weight| weight.name == name).unwrap().to_f32()
    };
    let first_column =
        |name: &str| values(name).iter().step_by(32).map(|value| *value as usize / 32).collect::<Vec<_>>();
    let evens_then_odds = |head: usize| (0..16).map(move |row| head * 16 + row % 8 * 2 + row / 8);
    assert_eq!(first_column("q_proj.weight"), (0..2).flat_map(evens_then_odds).collect::<Vec<_>>());
    assert_eq!(first_column("k_proj.weight"), evens_then_odds(0).collect::<Vec<_>>());
    assert_eq!(first_column("v_proj.weight"), (0..16).collect::<Vec<_>>());
    assert_eq!(values("k_proj.bias"), evens_then_odds(0).map(|row| row as f32).collect::<Vec<_>>());
    assert_eq!(values("o_proj.bias"), (0..32).map(|row| row as f32).collect::<Vec<_>>());
    assert_eq!(checkpoint.config["attention_bias"], true);
}

#[test]
fn an_output_matrix_unties_the_embedding_and_halves_are_kept() {
    let halves = |bytes: u64| vec![0u8; (bytes * 2) as usize];
    let writer = tiny_llama().tensor("output.weight", &[9, WIDTH], 1, halves(9 * WIDTH));
    let checkpoint = convert(&writer).unwrap();
    assert_eq!(checkpoint.config["tie_word_embeddings"], false);
    assert!(checkpoint.weights.iter().any(|weight| weight.name == "lm_head.weight"));
    assert_eq!(checkpoint.config["dtype"], "float32");
    let matrices = checkpoint.weights.iter().filter(|weight| weight.shape().len() == 2);
    let all_halves = matrices.fold(writer, |writer, weight| {
        let shape: Vec<u64> = weight.shape().iter().map(|size| *size as u64).collect();
        writer.tensor(weight.tensor.name, &shape, 30, halves(shape.iter().product()))
    });
    assert_eq!(convert(&all_halves).unwrap().config["dtype"], "bfloat16");
}

#[test]
fn llama_3_divisors_become_the_scaling_they_come_from() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/gguf/rope_llama3.bin");
    let content = std::fs::read(path).unwrap();
    let divisors: Vec<f32> = content.as_chunks().0.iter().map(|value| f32::from_le_bytes(*value)).collect();
    let scaling = |divisors: &[f32]| super::super::arch::scaling_by_frequency(divisors, 500_000.0, None);
    let expected = json!({
        "rope_type": "llama3", "factor": 32.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
        "original_max_position_embeddings": 8192,
    });
    assert_eq!(scaling(&divisors).unwrap(), expected);
    let mut changed = divisors;
    changed[15] += 0.01;
    let message = scaling(&changed).unwrap_err().to_string();
    assert!(message.contains("`rope_freqs.weight`") && message.contains("factor 32 from 8192"), "{message}");
}

#[test]
fn divisors_of_one_and_linear_factors_are_understood() {
    let ones = tiny_llama().floats("rope_freqs.weight", &[8], [1.0; 8]);
    let checkpoint = convert(&ones).unwrap();
    assert!(checkpoint.config["rope_scaling"].is_null());
    assert_eq!(checkpoint.weights.len(), 11);
    let linear = tiny_llama().set("llama.rope.scaling.type", "linear").set("llama.rope.scaling.factor", 2.5);
    assert_eq!(convert(&linear).unwrap().config["rope_scaling"], json!({"rope_type": "linear", "factor": 2.5}));
}

#[test]
fn what_has_no_counterpart_is_refused_by_name() {
    let tiny = tiny_llama;
    let cases: Vec<(Writer, &[&str])> = vec![
        (tiny().unset("general.architecture"), &["`general.architecture`", "missing"]),
        (tiny().set("general.architecture", "mamba"), &["`general.architecture`", "`mamba`", "`llama`"]),
        (tiny().unset("llama.block_count"), &["`llama.block_count`", "missing"]),
        (tiny().set("llama.block_count", "1"), &["`llama.block_count`", "a string"]),
        (tiny().set("llama.block_count", u32::MAX), &["`blk.1.attn_norm.weight`", "missing"]),
        (tiny().set("llama.block_count", 0), &["`llama.block_count`", "zero"]),
        (tiny().set("llama.attention.head_count", 3), &["head_count`", "3 heads"]),
        (tiny().set("llama.attention.head_count", 0), &["head_count`", "zero"]),
        (tiny().set("llama.attention.head_count", 32), &["`llama.attention.key_length`", "width 1"]),
        (tiny().set("llama.attention.head_count_kv", 4), &["head_count_kv`", "share"]),
        (tiny().set("llama.attention.head_count_kv", Entry::I32s(vec![1])), &["head_count_kv`", "an array"]),
        (tiny().set("llama.attention.key_length", u32::MAX - 1), &["`blk.0.attn_q.weight`", "expected"]),
        (tiny().set("llama.attention.value_length", 8), &["value_length`", "head width 16"]),
        (tiny().set("llama.rope.dimension_count", 8), &["dimension_count`", "head width 16"]),
        (tiny().set("llama.rope.freq_base", f32::NAN), &["freq_base`", "NaN"]),
        (tiny().set("llama.attention.layer_norm_rms_epsilon", -1.0), &["epsilon`", "-1"]),
        (tiny().set("llama.vocab_size", 10), &["`llama.vocab_size`", "9 rows"]),
        (tiny().set("llama.expert_count", 8), &["`llama.expert_count`"]),
        (tiny().set("llama.rope.scaling.type", "su"), &["rope.scaling.type`", "`su`"]),
        (tiny().set("llama.rope.scaling.type", "yarn"), &["rope.scaling.factor`", "missing"]),
        (tiny().set("llama.rope.scaling.factor", -2.0), &["rope.scaling.type`", "-2"]),
        (tiny().floats("rope_freqs.weight", &[4], [1.0; 4]), &["`rope_freqs.weight`", "4 divisors for 8"]),
        (tiny().floats("blk.0.attn_x.weight", &[1], [1.0]), &["`blk.0.attn_x.weight`", "no such tensor"]),
        (tiny().floats("blk.1.attn_norm.weight", &[32], [1.0; 32]), &["`blk.1.attn_norm.weight`"]),
        (tiny().floats("blk.0.attn_v.bias", &[16], [1.0; 16]), &["`blk.0.attn_q.bias`", "missing"]),
        (tiny().floats("output_norm.weight", &[31], [1.0; 31]), &["`output_norm.weight`", "[31]", "[32]"]),
        (tiny().without("token_embd.weight"), &["`token_embd.weight`", "missing"]),
        (tiny().without("blk.0.ffn_up.weight"), &["`blk.0.ffn_up.weight`", "missing"]),
    ];
    for (writer, expected) in cases {
        let message = refusal(&writer);
        expected.iter().for_each(|part| assert!(message.contains(part), "{expected:?}: {message}"));
    }
}

#[test]
fn zero_experts_are_none() {
    assert!(convert(&tiny_llama().set("llama.expert_count", 0)).is_ok());
}
