//! SentencePiece vocabularies made by hand: what the file's settings do, and what is refused.

use serde_json::{Value, json};
use tokenizers::Tokenizer;

use super::writer::{ARRAY, Entry, F32, Writer};
use crate::gguf::{Gguf, GgufError, TokenizerFiles};

const PIECES: [(&str, i32, f32); 14] = [
    ("<unk>", 2, 0.0),
    ("<s>", 3, 0.0),
    ("</s>", 3, 0.0),
    ("<0x0A>", 6, 0.0),
    ("<0x41>", 6, 0.0),
    ("ab", 1, -0.0),
    ("▁a", 1, -1.0),
    ("abb", 1, -2.0),
    ("bb", 1, -3.0),
    ("▁", 1, -4.0),
    ("a", 1, -5.0),
    ("b", 1, -6.0),
    ("<tool>", 4, -1000.0),
    ("<pad>", 5, -1000.0),
];

fn floats(values: &[f32]) -> Entry {
    let head = [ARRAY.to_le_bytes(), F32.to_le_bytes()].concat();
    let len = (values.len() as u64).to_le_bytes().to_vec();
    Entry::Raw([head, len, values.iter().flat_map(|value| value.to_le_bytes()).collect()].concat())
}

fn pieces(pieces: &[(&str, i32, f32)]) -> Writer {
    Writer::default()
        .set("general.architecture", "llama")
        .set("tokenizer.ggml.model", "llama")
        .set("tokenizer.ggml.tokens", Entry::Texts(pieces.iter().map(|(token, ..)| (*token).to_owned()).collect()))
        .set("tokenizer.ggml.token_type", Entry::I32s(pieces.iter().map(|(_, kind, _)| *kind).collect()))
        .set("tokenizer.ggml.scores", floats(&pieces.iter().map(|(.., score)| *score).collect::<Vec<_>>()))
        .set("tokenizer.ggml.bos_token_id", 1)
        .set("tokenizer.ggml.eos_token_id", 2)
}

fn files(writer: &Writer) -> Result<TokenizerFiles, GgufError> {
    TokenizerFiles::from_gguf(&Gguf::parse(&writer.build())?).map(Option::unwrap)
}

fn ids(writer: &Writer, text: &str) -> Vec<u32> {
    let tokenizer: Tokenizer = files(writer).unwrap().tokenizer.to_string().parse().unwrap();
    tokenizer.encode(text, true).unwrap().get_ids().to_vec()
}

#[test]
fn pairs_are_ordered_by_the_score_of_their_union_and_leave_out_what_is_no_text() {
    let merges = files(&pieces(&PIECES)).unwrap().tokenizer["model"]["merges"].clone();
    assert_eq!(merges, json!([["a", "b"], ["▁", "a"], ["ab", "b"], ["a", "bb"], ["b", "b"]]));
}

#[test]
fn a_text_gets_a_beginning_and_a_space_unless_the_file_says_otherwise() {
    let plain = pieces(&PIECES);
    assert_eq!(ids(&plain, "a"), [1, 6]);
    assert_eq!(ids(&plain, "abb"), [1, 9, 7]);
    assert_eq!(ids(&plain.clone().set("tokenizer.ggml.add_bos_token", false), "a"), [6]);
    let bare = plain.clone().set("tokenizer.ggml.add_space_prefix", false);
    assert_eq!(ids(&bare, "a a"), [1, 10, 6]);
    assert_eq!(ids(&bare.set("tokenizer.ggml.add_eos_token", true), ""), [1, 2]);
}

#[test]
fn what_has_no_piece_becomes_bytes_and_else_the_unknown_token() {
    let plain = pieces(&PIECES).set("tokenizer.ggml.add_space_prefix", false);
    assert_eq!(ids(&plain, "aA\nb"), [1, 10, 4, 3, 11]);
    assert_eq!(ids(&plain, "aéüb"), [1, 10, 0, 11]);
    assert_eq!(ids(&plain, "<tool>a</s><pad>"), [1, 12, 10, 2, 0, 10, 0]);
    let stated = plain.set("tokenizer.ggml.unknown_token_id", 10);
    assert_eq!(files(&stated).unwrap().tokenizer["model"]["unk_token"], "a");
}

#[test]
fn phi_3_takes_the_spaces_behind_its_tokens_along() {
    let phi3 = pieces(&PIECES).set("general.architecture", "phi3");
    let strips = |writer: &Writer| {
        let added = files(writer).unwrap().tokenizer["added_tokens"].clone();
        let strips = |token: &&Value| token["rstrip"] == true;
        added.as_array().unwrap().iter().filter(strips).map(|token| token["content"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(strips(&phi3), ["</s>", "<tool>"]);
    assert!(strips(&pieces(&PIECES)).is_empty());
}

#[test]
fn what_cannot_be_converted_is_refused_by_name() {
    let plain = || pieces(&PIECES);
    let one = |token: &str, kind: i32| pieces(&[PIECES[0], PIECES[1], (token, kind, 0.0)]);
    let cases: Vec<(Writer, &[&str])> = vec![
        (plain().unset("tokenizer.ggml.scores"), &["ggml.scores`", "missing"]),
        (plain().set("tokenizer.ggml.scores", Entry::I32s(vec![1; 14])), &["ggml.scores`", "32-bit floats"]),
        (plain().set("tokenizer.ggml.scores", floats(&[0.0])), &["ggml.scores`", "1 scores for 14 tokens"]),
        (plain().set("tokenizer.ggml.scores", floats(&[f32::NAN; 14])), &["ggml.scores`", "token 0 is not a number"]),
        (plain().set("tokenizer.ggml.remove_extra_whitespaces", true), &["remove_extra_whitespaces`"]),
        (plain().set("tokenizer.ggml.precompiled_charsmap", Entry::I32s(vec![1])), &["precompiled_charsmap`"]),
        (plain().unset("tokenizer.ggml.bos_token_id"), &["bos_token_id`", "missing"]),
        (one("<0x0a>", 6), &["ggml.tokens`", "`<0x0a>` is not the token of a byte"]),
        (one("a", 7), &["ggml.token_type`", "7 is not a type"]),
        (one(&"a".repeat(1025), 1), &["ggml.tokens`", "token 2 has 1025 bytes"]),
    ];
    for (writer, expected) in cases {
        let message = files(&writer).err().map(|error| error.to_string()).unwrap_or_default();
        expected.iter().for_each(|part| assert!(message.contains(part), "{expected:?}: {message}"));
    }
    let harmless = plain().set("tokenizer.ggml.remove_extra_whitespaces", false);
    assert!(files(&harmless).is_ok());
}
