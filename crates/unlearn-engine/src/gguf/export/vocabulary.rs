//! The tokens of a `tokenizer.json` by their ids, and what GGUF says of each.

use std::collections::HashMap;

use serde_json::Value;

use super::refused_tokenizer as refused;
use crate::gguf::{Fault, GgufError};

const NORMAL: i32 = 1;
const UNKNOWN: i32 = 2;
const CONTROL: i32 = 3;
const USER_DEFINED: i32 = 4;
const UNUSED: i32 = 5;
const BYTE: i32 = 6;

/// What a token is to the tokenizer.
#[derive(Clone, Copy, PartialEq)]
enum Role {
    /// Put together from merges.
    Ordinary,
    /// Matched as a whole, and part of the text.
    Added,
    /// Matched as a whole, and no part of the text.
    Special,
    /// An embedding that no text leads to.
    Unused,
}

/// Every token, by id: as many as the embedding has rows.
pub(super) struct Tokens {
    tokens: Vec<(String, Role)>,
    ids: HashMap<String, u32>,
    /// Added tokens that also take the spaces beside them, or only match whole words.
    particular: Vec<String>,
}

impl Tokens {
    pub(super) fn read(json: &Value, rows: usize) -> Result<Self, GgufError> {
        let padding = |id| (format!("[PAD{id}]"), Role::Unused);
        let mut tokens: Vec<_> = (0..rows).map(padding).collect();
        let mut place = |text: &str, id: Option<u64>, role, field| {
            let outside = || Fault::Conflict(format!("`{text}` has no id below {rows}, the rows of the embedding"));
            let slot = id.and_then(|id| tokens.get_mut(usize::try_from(id).ok()?));
            let slot = slot.ok_or_else(|| refused(field, outside()))?;
            *slot = (text.to_owned(), role);
            Ok(())
        };
        let vocabulary = json["model"]["vocab"].as_object();
        let vocabulary = vocabulary.ok_or_else(|| refused("model.vocab", Fault::Missing))?;
        for (text, id) in vocabulary {
            place(text, id.as_u64(), Role::Ordinary, "model.vocab")?;
        }
        let mut particular = Vec::new();
        for added in json["added_tokens"].as_array().into_iter().flatten() {
            let text = added["content"].as_str().unwrap_or_default();
            let role = if added["special"] == true { Role::Special } else { Role::Added };
            place(text, added["id"].as_u64(), role, "added_tokens")?;
            if ["lstrip", "rstrip", "single_word"].iter().any(|field| added[field] == true) {
                particular.push(text.to_owned());
            }
        }
        let ids = tokens.iter().enumerate().map(|(id, (text, _))| (text.clone(), id as u32)).collect();
        Ok(Self { tokens, ids, particular })
    }

    pub(super) fn texts(&self) -> Vec<String> {
        self.tokens.iter().map(|(text, _)| text.clone()).collect()
    }

    pub(super) fn id(&self, text: &str) -> Option<u32> {
        self.ids.get(text).copied()
    }

    /// What a GGUF file does not hold of these tokens.
    pub(super) fn notes(&self) -> Option<String> {
        let first = self.particular.first()?;
        let count = self.particular.len();
        Some(format!(
            "{count} added tokens, `{first}` the first, take spaces beside them or match whole words only; GGUF cannot say so"
        ))
    }

    fn types(&self, ordinary: impl Fn(&str) -> i32) -> Vec<i32> {
        let number = |(text, role): &(String, Role)| match role {
            Role::Ordinary => ordinary(text),
            Role::Added => USER_DEFINED,
            Role::Special => CONTROL,
            Role::Unused => UNUSED,
        };
        self.tokens.iter().map(number).collect()
    }
}

/// A merge is a list of two, or in older files one text.
fn pair(merge: &Value) -> Option<(&str, &str)> {
    match merge.as_array().map(Vec::as_slice) {
        Some([left, right]) => Some((left.as_str()?, right.as_str()?)),
        Some(_) => None,
        None => merge.as_str()?.split_once(' '),
    }
}

/// The pairs of tokens that are merged, in their order.
fn pairs(json: &Value) -> Result<Vec<(&str, &str)>, GgufError> {
    let merges = json["model"]["merges"].as_array().ok_or_else(|| refused("model.merges", Fault::Missing))?;
    let malformed = |merge: &Value| refused("model.merges", Fault::Conflict(format!("`{merge}` is not a pair")));
    merges.iter().map(|merge| pair(merge).ok_or_else(|| malformed(merge))).collect()
}

/// Byte-level vocabularies.
pub(super) mod byte_level {
    use super::*;

    pub(in crate::gguf::export) fn types(tokens: &Tokens) -> Vec<i32> {
        tokens.types(|_| NORMAL)
    }

    /// Each merge as one text, its sides parted by a space. No side holds one: the alphabet of bytes has none.
    pub(in crate::gguf::export) fn merges(json: &Value) -> Result<Vec<String>, GgufError> {
        let joined = |(left, right): (&str, &str)| {
            let spaced = [left, right].iter().any(|side| side.contains(' '));
            let why = || Fault::Conflict(format!("`{left}` and `{right}` are not written in bytes' characters"));
            if spaced { Err(refused("model.merges", why())) } else { Ok(format!("{left} {right}")) }
        };
        pairs(json)?.into_iter().map(joined).collect()
    }
}

/// Vocabularies of SentencePiece, whose spaces are `▁` and whose unknown characters are spelt in bytes.
pub(super) mod sentence_piece {
    use super::*;

    pub(in crate::gguf::export) struct Pieces {
        /// The higher, the earlier a piece is put together.
        pub(in crate::gguf::export) scores: Vec<f32>,
        pub(in crate::gguf::export) types: Vec<i32>,
        /// Whether a space comes before every text.
        pub(in crate::gguf::export) adds_space: bool,
    }

    pub(in crate::gguf::export) fn pieces(json: &Value, tokens: &Tokens) -> Result<Pieces, GgufError> {
        let unknown = json["model"]["unk_token"].as_str();
        let kind = |text: &str| if is_byte(text) { BYTE } else { NORMAL };
        let mut types = tokens.types(kind);
        if let Some(id) = unknown.and_then(|token| tokens.id(token)) {
            types[id as usize] = UNKNOWN;
        }
        // A piece is scored by the rank of its first merge; those that no merge leads to come after all others.
        let pairs = pairs(json)?;
        let last = -(pairs.len() as f32) - 1.0;
        let mut scores = vec![last; types.len()];
        for (rank, (left, right)) in pairs.into_iter().enumerate() {
            let union = tokens.id(&format!("{left}{right}")).map(|id| id as usize);
            if let Some(score) = union.and_then(|id| scores.get_mut(id)).filter(|score| **score == last) {
                *score = -(rank as f32);
            }
        }
        Ok(Pieces { scores, types, adds_space: adds_space(json)? })
    }

    /// Bytes are written `<0x0A>`.
    fn is_byte(text: &str) -> bool {
        let digits = text.strip_prefix("<0x").and_then(|rest| rest.strip_suffix('>'));
        digits.is_some_and(|digits| digits.len() == 2 && u8::from_str_radix(digits, 16).is_ok())
    }

    fn adds_space(json: &Value) -> Result<bool, GgufError> {
        let steps = |value: &'_ Value, inner: &str| -> Vec<Value> {
            value[inner].as_array().cloned().unwrap_or_else(|| vec![value.clone()])
        };
        let mut adds = false;
        for step in steps(&json["normalizer"], "normalizers") {
            match (step["type"].as_str(), step["prepend"].as_str()) {
                (Some("Prepend"), Some("▁")) => adds = true,
                (None, _) => {}
                (Some("Replace"), _) if step["pattern"]["String"] == " " && step["content"] == "▁" => {}
                (Some(found), _) => return Err(unknown("normalizer", found)),
            }
        }
        for step in steps(&json["pre_tokenizer"], "pretokenizers") {
            match step["type"].as_str() {
                None => {}
                Some("Metaspace") => adds = step["prepend_scheme"] != "never" && step["add_prefix_space"] != false,
                // A cut at spaces, which are `▁` by then: it changes nothing.
                Some("Split") if step["pattern"]["String"] == " " => {}
                Some(found) => return Err(unknown("pre_tokenizer", found)),
            }
        }
        Ok(adds)
    }

    fn unknown(field: &str, found: &str) -> GgufError {
        let known = "those that turn spaces into `▁`".to_owned();
        refused(field, Fault::Unsupported { found: found.to_owned(), known })
    }
}
