//! Token ids of mixed texts against those of other software; `testdata/gen/gguf_tokenizers.py` says of which.

use std::path::{Path, PathBuf};

use serde_json::Value;
use tokenizers::Tokenizer;

use crate::gguf::{Gguf, TokenizerFiles};

const BYTE_LEVEL: [&str; 5] = ["gpt-2", "llama-bpe", "olmo", "qwen2", "smollm"];
const SENTENCEPIECE: [&str; 2] = ["spm", "spm-gemma"];
/// What is matched as a whole.
const WHOLE: [&str; 7] = ["<s>", "</s>", "<|im_start|>", "<|im_end|>", "<tool>", "<b>", "<unk>"];

fn testdata() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/gguf/tokenizers")
}

fn tokenizer(name: &str) -> Tokenizer {
    let bytes = std::fs::read(testdata().join(format!("{name}.gguf"))).unwrap();
    let files = TokenizerFiles::from_gguf(&Gguf::parse(&bytes).unwrap()).unwrap().unwrap();
    files.tokenizer.to_string().parse().unwrap()
}

fn rows() -> Vec<Value> {
    let content = std::fs::read_to_string(testdata().join("expected.jsonl")).unwrap();
    let rows: Vec<Value> = content.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), 100);
    rows
}

fn ids(value: &Value) -> Vec<u32> {
    serde_json::from_value(value.clone()).unwrap()
}

#[test]
fn every_text_becomes_the_ids_of_the_other_software() {
    let rows = rows();
    for name in BYTE_LEVEL.into_iter().chain(SENTENCEPIECE) {
        let tokenizer = tokenizer(name);
        for row in &rows {
            let text = row["text"].as_str().unwrap();
            assert_eq!(tokenizer.encode(text, true).unwrap().get_ids(), ids(&row[name]), "{name}: {text:?}");
        }
    }
}

#[test]
fn ids_become_the_text_again() {
    for name in ["gpt-2", "llama-bpe", "smollm", "spm", "spm-gemma"] {
        let tokenizer = tokenizer(name);
        for row in rows() {
            let text = row["text"].as_str().unwrap();
            // SentencePiece has one sign for a space and for `▁`, and puts a space behind special tokens.
            let is_ambiguous = text.contains('▁') || WHOLE.iter().any(|token| text.contains(token));
            if SENTENCEPIECE.contains(&name) && is_ambiguous {
                continue;
            }
            assert_eq!(tokenizer.decode(&ids(&row[name]), false).unwrap(), text, "{name}");
        }
    }
}
