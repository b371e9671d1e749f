//! Byte-pair encoding of bytes, as GPT-2 began it.

use std::collections::HashMap;

use serde_json::json;

use super::edges::Edges;
use super::pre::PreTokenizer;
use super::vocabulary::{Matching, Vocabulary};
use super::{ADD_SPACE_PREFIX, Converted, MERGES, PRE, failed};
use crate::gguf::{Fault, GgufError, Metadata};

pub(super) fn convert<'a>(metadata: &Metadata<'a>) -> Result<Converted<'a>, GgufError> {
    if Metadata::optional(metadata.bool(ADD_SPACE_PREFIX))? == Some(true) {
        let why = "a space before the text is not supported for byte-level vocabularies";
        return Err(failed(ADD_SPACE_PREFIX, Fault::Conflict(why.to_owned())));
    }
    let pre = PreTokenizer::named(metadata.string(PRE)?)?;
    let vocabulary = Vocabulary::read(metadata)?;
    let merges = read_merges(metadata, &vocabulary.ids)?;
    let edges = Edges::read(metadata, &vocabulary, pre.adds_bos)?;
    let byte_level = json!({
        "type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true,
    });
    let tokenizer = json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": vocabulary.added_tokens(|_| Matching::default()),
        "normalizer": pre.normalizer(),
        "pre_tokenizer": pre.pre_tokenizer(),
        "post_processor": edges.post_processor(),
        "decoder": byte_level,
        "model": {
            "type": "BPE",
            "dropout": null,
            "unk_token": null,
            "continuing_subword_prefix": null,
            "end_of_word_suffix": null,
            "fuse_unk": false,
            "byte_fallback": false,
            "ignore_merges": pre.whole_words_first,
            "vocab": vocabulary.to_json(),
            "merges": merges,
        },
    });
    Ok((tokenizer, vocabulary, edges))
}

fn read_merges<'a>(metadata: &Metadata<'a>, ids: &HashMap<&str, usize>) -> Result<Vec<[&'a str; 2]>, GgufError> {
    let merges = metadata.strings(MERGES)?.into_iter().map(|merge| split(merge, ids));
    merges.collect::<Result<_, _>>().map_err(|why| failed(MERGES, Fault::Conflict(why)))
}

/// The two sides of a merge, which like their union have to be tokens. A side may itself begin with a space.
fn split<'a>(merge: &'a str, ids: &HashMap<&str, usize>) -> Result<[&'a str; 2], String> {
    let first = merge.chars().next().map_or(0, char::len_utf8);
    let (left, right) = merge.get(first..).and_then(|rest| rest.find(' ')).map_or(("", ""), |space| {
        let (left, right) = merge.split_at(first + space);
        (left, &right[1..])
    });
    let union = format!("{left}{right}");
    match [left, right, &union].into_iter().find(|part| !ids.contains_key(part)) {
        None => Ok([left, right]),
        Some("") => Err(format!("`{merge}` is not a pair of tokens")),
        Some(part) => Err(format!("`{merge}` needs the token `{part}`, which is not in the vocabulary")),
    }
}
