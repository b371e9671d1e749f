//! Tokens, their types and the merges, checked against each other.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::{MERGES, TOKEN_TYPES, TOKENS, failed};
use crate::gguf::{Fault, GgufError, Metadata};

/// The token types that are matched as a whole, before the text is cut.
const UNKNOWN_TYPE: u32 = 2;
const CONTROL_TYPE: u32 = 3;
const USER_DEFINED_TYPE: u32 = 4;

pub(super) struct Vocabulary<'a> {
    tokens: Vec<&'a str>,
    /// Empty where the file does not tell types.
    types: Vec<u32>,
    pub(super) merges: Vec<[&'a str; 2]>,
}

impl<'a> Vocabulary<'a> {
    pub(super) fn read(metadata: &Metadata<'a>) -> Result<Self, GgufError> {
        let tokens = metadata.strings(TOKENS)?;
        let types = read_types(metadata, tokens.len())?;
        let ids = index(&tokens)?;
        let merges = metadata.strings(MERGES)?.into_iter().map(|merge| split(merge, &ids));
        let merges = merges.collect::<Result<_, _>>().map_err(|why| failed(MERGES, Fault::Conflict(why)))?;
        Ok(Self { tokens, types, merges })
    }

    /// The token whose id stands under a key, if the key is there.
    pub(super) fn special(&self, metadata: &Metadata<'_>, key: &str) -> Result<Option<(u32, &'a str)>, GgufError> {
        let Some(id) = Metadata::optional(metadata.u32(key))? else { return Ok(None) };
        let outside = || format!("token {id} is outside of the vocabulary of {} tokens", self.tokens.len());
        let token = self.tokens.get(id as usize).ok_or_else(|| failed(key, Fault::Conflict(outside())))?;
        Ok(Some((id, token)))
    }

    /// Every token with its id.
    pub(super) fn ids(&self) -> Map<String, Value> {
        self.tokens.iter().enumerate().map(|(id, token)| ((*token).to_owned(), json!(id))).collect()
    }

    /// The tokens that are matched as a whole; those that never stand for text are special.
    pub(super) fn added_tokens(&self) -> Vec<Value> {
        let whole = |(id, (token, kind)): (usize, (&&str, &u32))| {
            let special = match *kind {
                CONTROL_TYPE | UNKNOWN_TYPE => true,
                USER_DEFINED_TYPE => false,
                _ => return None,
            };
            Some(json!({
                "id": id, "content": token, "single_word": false, "lstrip": false, "rstrip": false,
                "normalized": false, "special": special,
            }))
        };
        self.tokens.iter().zip(&self.types).enumerate().filter_map(whole).collect()
    }
}

fn read_types(metadata: &Metadata<'_>, tokens: usize) -> Result<Vec<u32>, GgufError> {
    let Some(types) = Metadata::optional(metadata.array(TOKEN_TYPES))? else { return Ok(Vec::new()) };
    if types.len() != tokens as u64 {
        let why = format!("{} types for {tokens} tokens", types.len());
        return Err(failed(TOKEN_TYPES, Fault::Conflict(why)));
    }
    metadata.u32s(TOKEN_TYPES)
}

fn index<'a>(tokens: &[&'a str]) -> Result<HashMap<&'a str, usize>, GgufError> {
    let mut ids = HashMap::new();
    for (id, token) in tokens.iter().enumerate() {
        if let Some(earlier) = ids.insert(*token, id) {
            let why = format!("the tokens {earlier} and {id} are both `{token}`");
            return Err(failed(TOKENS, Fault::Conflict(why)));
        }
    }
    Ok(ids)
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
