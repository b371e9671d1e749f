//! The tokens that are put around every text.

use serde_json::{Map, Value, json};

use super::vocabulary::Vocabulary;
use super::{ADD_BOS, ADD_EOS, BOS, EOS, failed};
use crate::gguf::{Fault, GgufError, Metadata};

pub(super) struct Edges<'a> {
    pub(super) first: Option<(u32, &'a str)>,
    pub(super) last: Option<(u32, &'a str)>,
}

impl<'a> Edges<'a> {
    /// `adds_bos` says what is so where the file does not say.
    pub(super) fn read(
        metadata: &Metadata<'a>,
        vocabulary: &Vocabulary<'a>,
        adds_bos: bool,
    ) -> Result<Self, GgufError> {
        let edge = |switch, default, key| {
            let wanted = Metadata::optional(metadata.bool(switch))?.unwrap_or(default);
            let required = |token: Option<_>| token.ok_or_else(|| failed(key, Fault::Missing));
            if wanted { vocabulary.special(metadata, key).and_then(required).map(Some) } else { Ok(None) }
        };
        Ok(Self { first: edge(ADD_BOS, adds_bos, BOS)?, last: edge(ADD_EOS, false, EOS)? })
    }

    pub(super) fn post_processor(&self) -> Value {
        if self.first.is_none() && self.last.is_none() {
            return Value::Null;
        }
        let around = |sequence: &str, type_id: u8| {
            let special = |(_, token): (u32, &str)| json!({"SpecialToken": {"id": token, "type_id": type_id}});
            let text = json!({"Sequence": {"id": sequence, "type_id": type_id}});
            let parts = [self.first.map(special), Some(text), self.last.map(special)];
            parts.into_iter().flatten().collect::<Vec<_>>()
        };
        let described =
            |(id, token): (u32, &str)| (token.to_owned(), json!({"id": token, "ids": [id], "tokens": [token]}));
        let special_tokens: Map<_, _> = [self.first, self.last].into_iter().flatten().map(described).collect();
        let pair = [around("A", 0), around("B", 1)].concat();
        json!({
            "type": "TemplateProcessing",
            "single": around("A", 0),
            "pair": pair,
            "special_tokens": special_tokens,
        })
    }
}
