//! A GGUF file: parsed, every tensor decoded, the tokenizer and the configuration converted.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use unlearn_data::Tokenizer;
use unlearn_engine::families;
use unlearn_engine::gguf::{Checkpoint, Gguf};
use unlearn_fuzz::bounded;

/// Maps of names, doubled when they grow.
const ALLOWANCE: usize = 64 << 10;
/// The tightest quantisation, TQ2_0, holds 256 values of 4 bytes in 66 bytes.
const DECODED: usize = 16;
/// As in the target `tokenizer`.
const TOKENIZER: usize = 4 << 20;

fuzz_target!(|input: &[u8]| {
    let path = Path::new("model.gguf");
    if let Ok(gguf) = bounded(input, ALLOWANCE, || Gguf::parse(input)) {
        for tensor in &gguf.tensors {
            let values = bounded(&[], DECODED * tensor.bytes.len() + ALLOWANCE, || tensor.to_f32());
            assert_eq!(values.len(), tensor.len());
        }
        gguf.metadata.iter().for_each(|(key, _)| drop((gguf.metadata.string(key), gguf.metadata.strings(key))));
    }
    let checkpoint = match bounded(input, ALLOWANCE, || Checkpoint::parse(input)) {
        Ok(checkpoint) => checkpoint,
        Err(error) => return drop((error.to_string(), error.hint())),
    };
    for weight in &checkpoint.weights {
        bounded(&[], DECODED * weight.tensor.bytes.len() + ALLOWANCE, || weight.to_f32());
    }
    drop(families::decoder_config(&checkpoint.config, path));
    if let Some(files) = checkpoint.tokenizer {
        let json = files.tokenizer.to_string().into_bytes();
        let tokenizer = bounded(&json, TOKENIZER, || Tokenizer::of_files(&json, &files.tokenizer_config, path));
        drop(tokenizer.and_then(|tokenizer| tokenizer.encode("a b, ab 12", true)));
    }
});
