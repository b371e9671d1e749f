//! The conversion of vocabularies, loaded and used the way a Hugging Face tokenizer is.

use serde_json::json;
use tokenizers::{OffsetReferential, OffsetType, PreTokenizedString, PreTokenizer, Tokenizer};

use super::writer::{Entry, TOKENS, Writer, tiny_llama};
use crate::gguf::{Gguf, GgufError, TokenizerFiles};

fn files(writer: &Writer) -> Result<Option<TokenizerFiles>, GgufError> {
    TokenizerFiles::from_gguf(&Gguf::parse(&writer.build())?)
}

fn load(writer: &Writer) -> Tokenizer {
    let files = files(writer).unwrap().unwrap();
    files.tokenizer.to_string().parse().unwrap()
}

fn pieces(pre: &str, text: &str) -> Vec<String> {
    let tokenizer = load(&tiny_llama().set("tokenizer.ggml.pre", pre));
    let mut text = PreTokenizedString::from(text);
    tokenizer.get_pre_tokenizer().unwrap().pre_tokenize(&mut text).unwrap();
    let splits = text.get_splits(OffsetReferential::Original, OffsetType::Byte);
    splits.into_iter().map(|(piece, ..)| piece.replace('Ġ', "_").replace('Ċ', "/")).collect()
}

#[test]
fn texts_become_the_files_own_ids() {
    let tokenizer = load(&tiny_llama());
    let encoding = tokenizer.encode("<|start|>ab 12<tool>b<|end|>", true).unwrap();
    assert_eq!(encoding.get_ids(), [1, 5, 8, 6, 7, 2, 4, 0]);
    assert_eq!(tokenizer.decode(encoding.get_ids(), true).unwrap(), "ab 12<tool>b");
    assert_eq!(tokenizer.get_vocab_size(true), TOKENS.len());
}

#[test]
fn the_name_of_the_pre_tokenizer_decides_where_texts_are_cut() {
    let text = "I'm 1234\n\nDON'T  (x)";
    assert_eq!(pieces("gpt-2", text), ["I", "'m", "_1234", "/", "/", "DON", "'", "T", "_", "_(", "x", ")"]);
    assert_eq!(pieces("default", text), pieces("gpt-2", text));
    let digits_first = ["I", "'m", "_", "1", "2", "3", "4", "/", "/", "DON", "'", "T", "_", "_(", "x", ")"];
    assert_eq!(pieces("smollm", text), digits_first);
    assert_eq!(pieces("llama-bpe", text), ["I", "'m", "_", "123", "4", "//", "DON", "'T", "_", "_(", "x", ")"]);
    assert_eq!(pieces("qwen2", text), ["I", "'m", "_", "1", "2", "3", "4", "//", "DON", "'T", "_", "_(", "x", ")"]);
}

#[test]
fn qwen_composes_and_llama_looks_for_whole_words_first() {
    let with = |pre| files(&tiny_llama().set("tokenizer.ggml.pre", pre)).unwrap().unwrap().tokenizer;
    assert_eq!(with("qwen2")["normalizer"], json!({"type": "NFC"}));
    assert_eq!(with("llama-bpe")["model"]["ignore_merges"], true);
    assert_eq!(with("smollm")["model"]["ignore_merges"], false);
}

#[test]
fn edges_are_added_where_the_file_or_the_pre_tokenizer_says_so() {
    let ids = |writer: &Writer| load(writer).encode("a", true).unwrap().get_ids().to_vec();
    let tiny = tiny_llama();
    assert_eq!(ids(&tiny), [3]);
    let both = tiny.clone().set("tokenizer.ggml.add_bos_token", true).set("tokenizer.ggml.add_eos_token", true);
    assert_eq!(ids(&both), [1, 3, 0]);
    assert_eq!(load(&both).encode("a", false).unwrap().get_ids(), [3]);
    assert_eq!(load(&both).encode(("a", "b"), true).unwrap().get_ids(), [1, 3, 0, 1, 4, 0]);
    let llama = tiny.set("tokenizer.ggml.pre", "llama-bpe");
    assert_eq!(ids(&llama), [1, 3]);
    assert_eq!(ids(&llama.set("tokenizer.ggml.add_bos_token", false)), [3]);
}

#[test]
fn the_configuration_names_the_special_tokens() {
    let writer =
        tiny_llama().set("tokenizer.chat_template", "{{ messages }}").set("tokenizer.ggml.padding_token_id", 0);
    let expected = json!({
        "tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 128,
        "bos_token": "<|start|>", "eos_token": "<|end|>", "unk_token": null, "pad_token": "<|end|>",
        "add_bos_token": false, "add_eos_token": false, "clean_up_tokenization_spaces": false,
        "chat_template": "{{ messages }}",
    });
    assert_eq!(files(&writer).unwrap().unwrap().tokenizer_config, expected);
}

#[test]
fn a_file_without_a_vocabulary_has_no_tokenizer() {
    assert_eq!(files(&tiny_llama().unset("tokenizer.ggml.model")), Ok(None));
    assert_eq!(files(&tiny_llama().set("tokenizer.ggml.model", "none")), Ok(None));
}

#[test]
fn what_cannot_be_converted_is_refused_by_name() {
    let tiny = |name: &str, value: Entry| tiny_llama().set(&format!("tokenizer.ggml.{name}"), value);
    let cases: Vec<(Writer, &[&str])> = vec![
        (tiny("model", "llama".into()), &["ggml.scores`", "missing"]),
        (tiny("model", "t5".into()), &["ggml.model`", "`t5`", "`gpt2` and `llama`"]),
        (tiny("pre", "tekken".into()), &["ggml.pre`", "`tekken`", "`smollm`"]),
        (tiny_llama().unset("tokenizer.ggml.pre"), &["ggml.pre`", "missing"]),
        (tiny_llama().unset("tokenizer.ggml.tokens"), &["ggml.tokens`", "missing"]),
        (tiny("tokens", Entry::I32s(vec![1])), &["ggml.tokens`", "array of strings"]),
        (tiny("tokens", ["a", "b", "a"].into()), &["ggml.token_type`", "9 types for 3 tokens"]),
        (tiny("tokens", ["a"; 9].into()), &["ggml.tokens`", "0 and 1 are both `a`"]),
        (tiny("token_type", Entry::I32s(vec![-1; 9])), &["ggml.token_type`"]),
        (tiny("merges", ["b a"].into()), &["ggml.merges`", "`b a` needs the token `ba`"]),
        (tiny("merges", ["ab"].into()), &["ggml.merges`", "`ab` is not a pair"]),
        (tiny("merges", ["é"].into()), &["ggml.merges`", "not a pair"]),
        (tiny("merges", ["", "a b"].into()), &["ggml.merges`", "not a pair"]),
        (tiny("bos_token_id", 9.into()), &["bos_token_id`", "token 9 is outside"]),
        (tiny("add_bos_token", 1.into()), &["add_bos_token`", "a bool"]),
        (tiny("add_bos_token", true.into()).unset("tokenizer.ggml.bos_token_id"), &["bos_token_id`", "missing"]),
        (tiny("add_space_prefix", true.into()), &["add_space_prefix`"]),
    ];
    for (writer, expected) in cases {
        let message = files(&writer).err().map(|error| error.to_string()).unwrap_or_default();
        expected.iter().for_each(|part| assert!(message.contains(part), "{expected:?}: {message}"));
    }
}
