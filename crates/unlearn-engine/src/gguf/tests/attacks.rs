//! Malicious files: each case spoils a few bytes of a valid file and names the refusal.

use super::writer::{ARRAY, Entry, U32, Writer, tiny_llama};
use crate::gguf::Gguf;

const VERSION: usize = 4;
const TENSOR_COUNT: usize = 8;
const ENTRY_COUNT: usize = 16;

/// Fields of a tensor's description of two dimensions, counted from the end of its name.
const DIMENSIONS: usize = 0;
const ROW: usize = 4;
const COLUMN: usize = 12;
const KIND: usize = 20;
const OFFSET: usize = 24;

/// The position after the only occurrence of a text.
fn after(file: &[u8], text: &str) -> usize {
    let found: Vec<_> = (0..file.len()).filter(|&start| file[start..].starts_with(text.as_bytes())).collect();
    assert_eq!(found.len(), 1, "`{text}` has to occur once");
    found[0] + text.len()
}

fn overwrite(file: &mut [u8], at: usize, bytes: &[u8]) {
    file[at..at + bytes.len()].copy_from_slice(bytes);
}

/// Overwrites bytes at a place relative to a text.
fn patched(text: &str, skip: usize, bytes: &[u8]) -> Vec<u8> {
    let mut file = tiny_llama().build();
    let at = after(&file, text) + skip;
    overwrite(&mut file, at, bytes);
    file
}

/// Overwrites the beginning of a name, or all of it.
fn renamed(name: &str, other: &[u8]) -> Vec<u8> {
    let mut file = tiny_llama().build();
    let at = after(&file, name) - name.len();
    overwrite(&mut file, at, other);
    file
}

fn patched_at(at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut file = tiny_llama().build();
    overwrite(&mut file, at, bytes);
    file
}

fn cut(by: usize) -> Vec<u8> {
    let mut file = tiny_llama().build();
    file.truncate(file.len() - by);
    file
}

fn with(key: &str, value: impl Into<Entry>) -> Vec<u8> {
    tiny_llama().set(key, value).build()
}

fn nested(depth: usize) -> Vec<u8> {
    let level = [ARRAY.to_le_bytes().to_vec(), 1u64.to_le_bytes().to_vec()].concat();
    let innermost = [U32.to_le_bytes().to_vec(), 0u64.to_le_bytes().to_vec()].concat();
    let bytes = [ARRAY.to_le_bytes().to_vec(), level.repeat(depth), innermost].concat();
    Writer::default().set("nested", Entry::Raw(bytes)).build()
}

const MOST: [u8; 8] = u64::MAX.to_le_bytes();
/// A quantised tensor, a tensor in the middle, and the last one.
const EMBEDDING: &str = "token_embd.weight";
const QUERIES: &str = "blk.0.attn_q.weight";
const LAST: &str = "blk.0.ffn_down.weight";

#[test]
fn malicious_files_are_refused_with_place_and_reason() {
    let half = (1u64 << 63).to_le_bytes();
    let cases: &[(&str, Vec<u8>, &[&str])] = &[
        ("nothing", vec![], &["header", "not a GGUF file"]),
        ("another format", patched_at(0, b"PK\x03\x04"), &["header", "not a GGUF file", "50, 4b"]),
        ("magic only", b"GGUF".to_vec(), &["header", "cut short"]),
        ("version 1", patched_at(VERSION, &1u32.to_le_bytes()), &["header", "version 1"]),
        ("version 4", patched_at(VERSION, &4u32.to_le_bytes()), &["header", "version 4"]),
        ("big endian", patched_at(VERSION, &3u32.to_be_bytes()), &["header", "big-endian"]),
        ("endless tensors", patched_at(TENSOR_COUNT, &MOST), &["header", "limit"]),
        ("one tensor too many", patched_at(TENSOR_COUNT, &[12]), &["tensor `11 of 12`", "a name of 0 bytes"]),
        ("many tensors too many", patched_at(TENSOR_COUNT, &65_536u64.to_le_bytes()), &["of 65536"]),
        ("endless entries", patched_at(ENTRY_COUNT, &MOST), &["header", "limit"]),
        ("many entries too many", patched_at(ENTRY_COUNT, &65_536u64.to_le_bytes()), &["metadata `"]),
        ("endless key", patched_at(24, &MOST), &["entry 0 of", "cut short"]),
        ("endless text", patched("general.architecture", 4, &MOST), &["`general.architecture`", "cut short"]),
        ("endless array of texts", patched("ggml.tokens", 8, &MOST), &["ggml.tokens`", "cut short"]),
        ("endless array of numbers", patched("ggml.token_type", 8, &MOST), &["ggml.token_type`", "cut short"]),
        ("unknown value type", patched("llama.block_count", 0, &[13]), &["`llama.block_count`", "value type 13"]),
        ("unknown element type", patched("ggml.tokens", 4, &[200]), &["ggml.tokens`", "value type 200"]),
        ("key twice", renamed("llama.rope.freq_base", b"llama.context_length"), &["`llama.context_length`", "twice"]),
        ("key not UTF-8", renamed("general.architecture", b"\xff"), &["`entry 0 of", "UTF-8"]),
        ("nested arrays", nested(4), &["`nested`", "nested deeper"]),
        ("very nested arrays", nested(100_000), &["`nested`", "nested deeper"]),
        ("alignment zero", with("general.alignment", 0), &["`general.alignment`", "power of two"]),
        ("alignment odd", with("general.alignment", 33), &["`general.alignment`", "power of two"]),
        ("alignment of another type", with("general.alignment", "32"), &["`general.alignment`", "a string"]),
        ("alignment huge", with("general.alignment", 1 << 31), &["`token_embd.weight`", "cut short"]),
        ("no dimension", patched(QUERIES, DIMENSIONS, &[0]), &[QUERIES, "0 dimensions"]),
        ("five dimensions", patched(QUERIES, DIMENSIONS, &[5]), &[QUERIES, "5 dimensions"]),
        ("empty row", patched(QUERIES, ROW, &[0]), &[QUERIES, "impossible shape [0, 32]"]),
        ("no rows", patched(QUERIES, COLUMN, &[0]), &[QUERIES, "impossible shape [32, 0]"]),
        ("product overflows", patched(QUERIES, ROW, &half), &[QUERIES, "impossible shape"]),
        ("bytes overflow", patched(QUERIES, COLUMN, &(1u64 << 57).to_le_bytes()), &[QUERIES, "impossible shape"]),
        ("row longer than the file", patched(QUERIES, ROW, &[0, 0, 0, 1]), &[QUERIES, "cut short"]),
        ("row no multiple", patched(EMBEDDING, ROW, &[33]), &[EMBEDDING, "Q8_0 block size 32"]),
        ("type that is known", patched(QUERIES, KIND, &[16]), &[QUERIES, "type 16 (IQ2_XXS)"]),
        ("type that is not known", patched(QUERIES, KIND, &[0xe7, 3]), &[QUERIES, "type 999 (unknown)"]),
        ("offset misaligned", patched(LAST, OFFSET, &[1]), &[LAST, "multiple of the alignment 32"]),
        ("offset past the end", patched(LAST, OFFSET, &[0, 0, 0, 1]), &[LAST, "cut short"]),
        ("offset overflows", patched(LAST, OFFSET, &(u64::MAX - 31).to_le_bytes()), &[LAST, "cut short"]),
        ("offset shared", patched(LAST, OFFSET, &[0; 8]), &["overlaps with"]),
        ("tensor twice", renamed("blk.0.attn_v.weight", QUERIES.as_bytes()), &[QUERIES, "twice"]),
        ("key without a name", with("", 1), &["metadata `entry 16 of 17`", "a name of 0 bytes"]),
        ("tensor name too long", tiny_llama().floats(&"n".repeat(65_536), &[1], [1.0]).build(), &["a name of 65536"]),
        ("tensor name not UTF-8", renamed(EMBEDDING, b"\xff"), &["tensor `0 of 11`", "UTF-8"]),
        ("data cut by one", cut(1), &[LAST, "cut short: 8192 bytes needed, 8191 left"]),
        ("data cut away", cut(8192), &[LAST, "cut short: 8192 bytes needed, 0 left"]),
    ];
    for (case, file, expected) in cases {
        let message = Gguf::parse(file).err().unwrap_or_else(|| panic!("{case}: not refused")).to_string();
        expected.iter().for_each(|part| assert!(message.contains(part), "{case}: {message}"));
    }
}
