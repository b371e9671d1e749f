//! Tokens and their types, checked against each other.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::{TOKEN_TYPES, TOKENS, failed};
use crate::gguf::{Fault, GgufError, Metadata};

/// What a token is for, by the number in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Normal,
    Unknown,
    Control,
    UserDefined,
    Unused,
    Byte,
}

impl Kind {
    fn numbered(number: u32) -> Option<Self> {
        Some(match number {
            1 => Self::Normal,
            2 => Self::Unknown,
            3 => Self::Control,
            4 => Self::UserDefined,
            5 => Self::Unused,
            6 => Self::Byte,
            _ => return None,
        })
    }
}

pub(super) struct Vocabulary<'a> {
    pub(super) tokens: Vec<&'a str>,
    pub(super) ids: HashMap<&'a str, usize>,
    /// One for each token; all are normal where the file does not tell.
    pub(super) kinds: Vec<Kind>,
}

impl<'a> Vocabulary<'a> {
    pub(super) fn read(metadata: &Metadata<'a>) -> Result<Self, GgufError> {
        let tokens = metadata.strings(TOKENS)?;
        let kinds = read_kinds(metadata, tokens.len())?;
        Ok(Self { ids: index(&tokens)?, tokens, kinds })
    }

    /// The token whose id stands under a key, if the key is there.
    pub(super) fn special(&self, metadata: &Metadata<'_>, key: &str) -> Result<Option<(u32, &'a str)>, GgufError> {
        let Some(id) = Metadata::optional(metadata.u32(key))? else { return Ok(None) };
        let outside = || format!("token {id} is outside of the vocabulary of {} tokens", self.tokens.len());
        let token = self.tokens.get(id as usize).ok_or_else(|| failed(key, Fault::Conflict(outside())))?;
        Ok(Some((id, token)))
    }

    /// Every token with its id.
    pub(super) fn to_json(&self) -> Map<String, Value> {
        self.tokens.iter().enumerate().map(|(id, token)| ((*token).to_owned(), json!(id))).collect()
    }

    /// The tokens that are matched as a whole; those that never stand for text are special. `how` says what else is
    /// particular about a token.
    pub(super) fn added_tokens(&self, how: impl Fn(&str) -> Matching) -> Vec<Value> {
        let whole = |(id, (token, kind)): (usize, (&&str, &Kind))| {
            let special = match kind {
                Kind::Control | Kind::Unknown => true,
                Kind::UserDefined => false,
                Kind::Normal | Kind::Unused | Kind::Byte => return None,
            };
            let Matching { takes_spaces_behind, normalized } = how(token);
            Some(json!({
                "id": id, "content": token, "single_word": false, "lstrip": false, "rstrip": takes_spaces_behind,
                "normalized": normalized && !special, "special": special,
            }))
        };
        self.tokens.iter().zip(&self.kinds).enumerate().filter_map(whole).collect()
    }
}

/// How a token is looked for in a text.
#[derive(Default)]
pub(super) struct Matching {
    /// The spaces behind it belong to it.
    pub(super) takes_spaces_behind: bool,
    /// It is looked for in the normalised text, unless it is special.
    pub(super) normalized: bool,
}

fn read_kinds(metadata: &Metadata<'_>, tokens: usize) -> Result<Vec<Kind>, GgufError> {
    let Some(types) = Metadata::optional(metadata.array(TOKEN_TYPES))? else { return Ok(vec![Kind::Normal; tokens]) };
    if types.len() != tokens as u64 {
        let why = format!("{} types for {tokens} tokens", types.len());
        return Err(failed(TOKEN_TYPES, Fault::Conflict(why)));
    }
    let kind = |number| {
        let unknown = || failed(TOKEN_TYPES, Fault::Conflict(format!("{number} is not a type of tokens")));
        Kind::numbered(number).ok_or_else(unknown)
    };
    metadata.u32s(TOKEN_TYPES)?.into_iter().map(kind).collect()
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
