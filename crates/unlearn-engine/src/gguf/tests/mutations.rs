//! No bytes make the reader panic, whatever was done to them.

use std::path::Path;

use proptest::prelude::*;

use super::writer::tiny_llama;
use crate::gguf::{Checkpoint, Gguf, TokenizerFiles};

/// Does everything that can be done with a file.
fn exhaust(file: &[u8]) {
    if let Ok(gguf) = Gguf::parse(file) {
        gguf.tensors.iter().for_each(|tensor| assert_eq!(tensor.to_f32().len(), tensor.len()));
        gguf.metadata.iter().for_each(|(key, _)| drop((gguf.metadata.string(key), gguf.metadata.strings(key))));
    }
    if let Ok(gguf) = Gguf::parse(file) {
        drop(TokenizerFiles::from_gguf(&gguf));
    }
    match Checkpoint::parse(file) {
        Ok(checkpoint) => checkpoint.weights.iter().for_each(|weight| drop(weight.to_f32())),
        Err(error) => drop((error.to_string(), error.hint())),
    }
}

#[test]
fn the_file_is_whole_before_it_is_spoilt() {
    Checkpoint::parse(&tiny_llama().build()).unwrap();
}

#[test]
fn every_truncation_is_refused() {
    let file = tiny_llama().build();
    for length in 0..file.len() {
        assert!(Gguf::parse(&file[..length]).is_err(), "{length} of {} bytes", file.len());
    }
}

#[test]
fn every_byte_may_be_any_of_a_few_others() {
    let mut file = tiny_llama().build();
    let head = file.len().min(3_000);
    for at in 0..head {
        let whole = file[at];
        for spoilt in [0, 1, 0x7f, 0x80, 0xff, whole ^ 1, whole.wrapping_add(1)] {
            file[at] = spoilt;
            exhaust(&file);
        }
        file[at] = whole;
    }
}

#[test]
fn nor_in_files_of_other_architectures_and_vocabularies() {
    let testdata = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/gguf");
    let files = [
        "models/gemma3-linear.gguf",
        "models/gpt2.gguf",
        "models/phi-fused.gguf",
        "models/phi3-longrope.gguf",
        "models/qwen2-yarn.gguf",
        "tokenizers/spm-gemma.gguf",
    ];
    for name in files {
        let mut file = std::fs::read(testdata.join(name)).unwrap();
        for at in 0..file.len().min(2_000) {
            let whole = file[at];
            for spoilt in [0, 1, 0xff, whole.wrapping_add(1)] {
                file[at] = spoilt;
                exhaust(&file);
            }
            file[at] = whole;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_changes_never_panic(
        changes in prop::collection::vec((0usize..3_000, any::<u8>()), 1..12),
        length in prop::option::of(0usize..30_000),
    ) {
        let mut file = tiny_llama().build();
        changes.iter().for_each(|(at, byte)| file[*at] = *byte);
        file.truncate(length.unwrap_or(file.len()));
        exhaust(&file);
    }

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let header = [b"GGUF".as_slice(), &3u32.to_le_bytes(), &1u64.to_le_bytes(), &1u64.to_le_bytes()].concat();
        exhaust(&bytes);
        exhaust(&[header, bytes].concat());
    }
}
