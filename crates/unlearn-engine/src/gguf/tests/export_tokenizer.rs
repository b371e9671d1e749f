//! Tokenizers written as metadata and read again: the same ids, and what llama.cpp's converter writes.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tokenizers::Tokenizer;

use crate::gguf::{Entries, Gguf, GgufError, MetaValue, OwnedValue, TokenizerFiles, export_tokenizer, write};

const NAMES: [&str; 7] = ["gpt-2", "llama-bpe", "olmo", "qwen2", "smollm", "spm", "spm-gemma"];

fn testdata() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/gguf/tokenizers")
}

/// Reads a tokenizer, writes it and gives the bytes of both files.
fn there_and_back(name: &str) -> (Vec<u8>, Vec<u8>) {
    let original = std::fs::read(testdata().join(format!("{name}.gguf"))).unwrap();
    let gguf = Gguf::parse(&original).unwrap();
    let rows = gguf.metadata.array("tokenizer.ggml.tokens").unwrap().len() as usize;
    let files = TokenizerFiles::from_gguf(&gguf).unwrap().unwrap();
    let (metadata, notes) = export_tokenizer(&files, rows).unwrap();
    assert!(notes.is_empty(), "{name}: {notes:?}");
    (original, written(&metadata))
}

fn written(metadata: &[(String, OwnedValue)]) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.gguf");
    write(&path, metadata, &[]).unwrap();
    std::fs::read(&path).unwrap()
}

fn tokenizer(bytes: &[u8]) -> Tokenizer {
    let files = TokenizerFiles::from_gguf(&Gguf::parse(bytes).unwrap()).unwrap().unwrap();
    files.tokenizer.to_string().parse().unwrap()
}

#[test]
fn every_text_becomes_the_ids_of_the_other_software_again() {
    let content = std::fs::read_to_string(testdata().join("expected.jsonl")).unwrap();
    for name in NAMES {
        let again = tokenizer(&there_and_back(name).1);
        for row in content.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
            let text = row["text"].as_str().unwrap();
            let expected: Vec<u32> = serde_json::from_value(row[name].clone()).unwrap();
            assert_eq!(again.encode(text, true).unwrap().get_ids(), expected, "{name}: {text:?}");
        }
    }
}

/// The values of an array, or the value alone.
fn flat(value: Option<MetaValue<'_>>) -> Vec<MetaValue<'_>> {
    match value {
        Some(MetaValue::Array(array)) => array.iter().collect(),
        other => other.into_iter().collect(),
    }
}

#[test]
fn the_metadata_is_that_of_the_file_it_came_from() {
    for name in NAMES {
        let (original, again) = there_and_back(name);
        let (original, again) = (Gguf::parse(&original).unwrap(), Gguf::parse(&again).unwrap());
        for (key, value) in original.metadata.iter().filter(|(key, _)| key.starts_with("tokenizer.")) {
            // Of scores the order counts; where the converter leaves these two out, their defaults are written.
            if key != "tokenizer.ggml.scores" {
                assert_eq!(flat(again.metadata.get(key)), flat(Some(value)), "{name}: {key}");
            }
        }
    }
}

fn bpe() -> Value {
    json!({
        "added_tokens": [{"id": 3, "content": "<s>", "special": true}, {"id": 4, "content": "<x>", "rstrip": true}],
        "normalizer": null,
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
            "special_tokens": {"<s>": {"id": "<s>", "ids": [3], "tokens": ["<s>"]}},
        },
        "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"]},
    })
}

fn exported(change: impl FnOnce(&mut Value)) -> Result<(Entries, Vec<String>), GgufError> {
    let mut tokenizer = bpe();
    change(&mut tokenizer);
    let template = json!([{"name": "tools", "template": "t"}, {"name": "default", "template": "d"}]);
    let tokenizer_config = json!({"eos_token": {"content": "<x>"}, "chat_template": template});
    export_tokenizer(&TokenizerFiles { tokenizer, tokenizer_config }, 6)
}

#[test]
fn embeddings_without_a_token_are_named_and_edges_and_templates_found() {
    let (metadata, notes) = exported(|_| {}).unwrap();
    let value = |name: &str| metadata.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
    let tokens = ["a", "b", "ab", "<s>", "<x>", "[PAD5]"].map(str::to_owned).to_vec();
    assert_eq!(value("tokenizer.ggml.tokens"), Some(tokens.into()));
    assert_eq!(value("tokenizer.ggml.token_type"), Some(vec![1, 1, 1, 3, 4, 5].into()));
    assert_eq!(value("tokenizer.ggml.bos_token_id"), Some(3u32.into()));
    assert_eq!(value("tokenizer.ggml.eos_token_id"), Some(4u32.into()));
    assert_eq!(value("tokenizer.ggml.add_bos_token"), Some(true.into()));
    assert_eq!(value("tokenizer.ggml.add_eos_token"), Some(false.into()));
    assert_eq!(value("tokenizer.ggml.pre"), Some("gpt-2".into()));
    assert_eq!(value("tokenizer.chat_template"), Some("d".into()));
    assert!(notes.len() == 1 && notes[0].contains("`<x>` the first"), "{notes:?}");
}

#[test]
fn what_gguf_cannot_say_is_refused_by_name() {
    let split = json!({"type": "Split", "pattern": {"Regex": "x"}, "behavior": "Isolated", "invert": false});
    let two = json!({"SpecialToken": {"id": "<s>", "type_id": 0}});
    type Change = Box<dyn FnOnce(&mut Value)>;
    let set = |pointer: &'static str, value: Value| -> Change {
        Box::new(move |json: &mut Value| *json.pointer_mut(pointer).unwrap() = value)
    };
    let cases: Vec<(Change, &[&str])> = vec![
        (set("/model/type", json!("Unigram")), &["`model.type`", "`Unigram`"]),
        (set("/pre_tokenizer", split), &["`pre_tokenizer`", "Split", "GPT-2"]),
        (set("/normalizer", json!({"type": "Lowercase"})), &["`pre_tokenizer`"]),
        (set("/model/merges", json!(["ab"])), &["`model.merges`", "not a pair"]),
        (set("/model/merges", json!([["a", "b c"]])), &["`model.merges`", "`b c`"]),
        (set("/model/vocab/a", json!(6)), &["`model.vocab`", "`a` has no id below 6"]),
        (set("/model/vocab", json!(null)), &["`model.vocab`", "missing"]),
        (set("/added_tokens/0/id", json!(9)), &["`added_tokens`", "`<s>`"]),
        (set("/post_processor/single/1", two), &["`post_processor`", "only one token"]),
        (set("/post_processor/type", json!("RobertaProcessing")), &["`post_processor`", "`RobertaProcessing`"]),
        (set("/post_processor/special_tokens", json!({})), &["`post_processor`", "only one token"]),
    ];
    for (change, expected) in cases {
        let message = exported(change).err().map(|error| error.to_string()).unwrap_or_default();
        expected.iter().for_each(|part| assert!(message.contains(part), "{expected:?}: {message}"));
    }
}
