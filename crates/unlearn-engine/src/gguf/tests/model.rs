//! The golden Llama as a GGUF file: the same model again.

use std::path::Path;

use super::writer::Writer;
use crate::{LanguageModel, device};

/// `[heads, 2, half]` rows to `[heads, half, 2]`, as llama.cpp's converter orders query and key rows.
fn interleave(rows: &[f32], heads: usize, width: usize) -> Vec<f32> {
    let head_dim = rows.len() / width / heads;
    let row = |h: usize, i: usize| {
        let at = (h * head_dim + i % 2 * (head_dim / 2) + i / 2) * width;
        rows[at..at + width].to_vec()
    };
    (0..heads).flat_map(|h| (0..head_dim).flat_map(move |i| row(h, i))).collect()
}

#[test]
fn a_gguf_file_of_a_folder_is_the_same_model() {
    let device = device::by_name("cpu").expect("cpu");
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/golden/models/llama");
    let folder = LanguageModel::read(&golden, &device).expect("the golden llama");
    let c = folder.decoder.config().clone();
    let size = |n: usize| u32::try_from(n).expect("small");
    let mut writer = Writer::default()
        .set("general.architecture", "llama")
        .set("llama.block_count", size(c.layers.len()))
        .set("llama.context_length", size(c.context))
        .set("llama.embedding_length", size(c.hidden_size))
        .set("llama.feed_forward_length", size(c.intermediate_size))
        .set("llama.attention.head_count", size(c.heads))
        .set("llama.attention.head_count_kv", size(c.kv_heads))
        .set("llama.attention.key_length", size(c.head_dim))
        .set("llama.attention.value_length", size(c.head_dim))
        .set("llama.attention.layer_norm_rms_epsilon", c.norm_eps as f32)
        .set("llama.rope.freq_base", c.ropes[0].theta as f32)
        .set("llama.vocab_size", size(c.vocab_size));
    let names = [
        ("model.embed_tokens", "token_embd"),
        ("model.norm", "output_norm"),
        ("lm_head", "output"),
        ("model.layers.", "blk."),
        ("self_attn.q_proj", "attn_q"),
        ("self_attn.k_proj", "attn_k"),
        ("self_attn.v_proj", "attn_v"),
        ("self_attn.o_proj", "attn_output"),
        ("mlp.gate_proj", "ffn_gate"),
        ("mlp.up_proj", "ffn_up"),
        ("mlp.down_proj", "ffn_down"),
        ("input_layernorm", "attn_norm"),
        ("post_attention_layernorm", "ffn_norm"),
    ];
    for (i, spec) in folder.parameters.specs().iter().enumerate() {
        let name = names.iter().fold(spec.name.clone(), |n, (theirs, ours)| n.replace(theirs, ours));
        let mut values = spec.to_disk(folder.parameters.values(i));
        let heads =
            if name.contains("attn_q.") { Some(c.heads) } else { name.contains("attn_k.").then_some(c.kv_heads) };
        if let Some(heads) = heads {
            values = interleave(&values, heads, c.hidden_size);
        }
        let shape: Vec<u64> = spec.disk_shape().iter().map(|&n| n as u64).collect();
        writer = writer.floats(&name, &shape, values);
    }
    let dir = tempfile::tempdir().expect("temp dir");
    let path = dir.path().join("llama.gguf");
    std::fs::write(&path, writer.build()).expect("writes");
    let read = LanguageModel::read(&path, &device).expect("reads");
    assert_eq!(read.decoder.config().ropes, c.ropes);
    assert_eq!(read.decoder.config().layers, c.layers);
    for (i, spec) in folder.parameters.specs().iter().enumerate() {
        assert_eq!(read.parameters.specs()[i], *spec);
        assert_eq!(read.parameters.values(i), folder.parameters.values(i), "{}", spec.name);
    }
}
