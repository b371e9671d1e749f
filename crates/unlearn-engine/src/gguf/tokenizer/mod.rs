//! The vocabulary of a GGUF file as the two files of a Hugging Face tokenizer.

mod pre;
mod vocabulary;

use serde_json::{Map, Value, json};

pub(super) use self::pre::PreTokenizer;
use self::vocabulary::Vocabulary;
use super::{Fault, Gguf, GgufError, Metadata};

const MODEL: &str = "tokenizer.ggml.model";
const PRE: &str = "tokenizer.ggml.pre";
const TOKENS: &str = "tokenizer.ggml.tokens";
const TOKEN_TYPES: &str = "tokenizer.ggml.token_type";
const MERGES: &str = "tokenizer.ggml.merges";
const BOS: &str = "tokenizer.ggml.bos_token_id";
const EOS: &str = "tokenizer.ggml.eos_token_id";
const UNKNOWN: &str = "tokenizer.ggml.unknown_token_id";
const PADDING: &str = "tokenizer.ggml.padding_token_id";
const ADD_BOS: &str = "tokenizer.ggml.add_bos_token";
const ADD_EOS: &str = "tokenizer.ggml.add_eos_token";
const ADD_SPACE_PREFIX: &str = "tokenizer.ggml.add_space_prefix";
const CHAT_TEMPLATE: &str = "tokenizer.chat_template";

/// The only vocabulary model that is converted: byte-level byte-pair encoding.
const BYTE_LEVEL: &str = "gpt2";

/// What a Hugging Face model folder says about its tokenizer.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenizerFiles {
    /// The content of `tokenizer.json`.
    pub tokenizer: Value,
    /// The content of `tokenizer_config.json`.
    pub tokenizer_config: Value,
}

impl TokenizerFiles {
    /// Converts the tokenizer of a file; `None` if the file has none.
    ///
    /// # Errors
    /// A vocabulary model or pre-tokenizer without a known counterpart, or a vocabulary that contradicts itself.
    pub fn from_gguf(gguf: &Gguf<'_>) -> Result<Option<Self>, GgufError> {
        let metadata = &gguf.metadata;
        let Some(model) = Metadata::optional(metadata.string(MODEL))? else { return Ok(None) };
        if model == "none" || model == "no_vocab" {
            return Ok(None);
        }
        if model != BYTE_LEVEL {
            return Err(unsupported_model(model));
        }
        if Metadata::optional(metadata.bool(ADD_SPACE_PREFIX))? == Some(true) {
            let why = "a space before the text is not supported for byte-level vocabularies";
            return Err(failed(ADD_SPACE_PREFIX, Fault::Conflict(why.to_owned())));
        }
        let pre = PreTokenizer::named(metadata.string(PRE)?)?;
        let vocabulary = Vocabulary::read(metadata)?;
        let edges = Edges::read(metadata, &vocabulary, pre)?;
        let tokenizer_config = tokenizer_config(gguf, &vocabulary, &edges)?;
        Ok(Some(Self { tokenizer: tokenizer(pre, &vocabulary, &edges), tokenizer_config }))
    }
}

/// The tokens that are put around every text.
struct Edges<'a> {
    first: Option<(u32, &'a str)>,
    last: Option<(u32, &'a str)>,
}

impl<'a> Edges<'a> {
    fn read(metadata: &Metadata<'a>, vocabulary: &Vocabulary<'a>, pre: &PreTokenizer) -> Result<Self, GgufError> {
        let edge = |switch, default, key| {
            let wanted = Metadata::optional(metadata.bool(switch))?.unwrap_or(default);
            let required = |token: Option<_>| token.ok_or_else(|| failed(key, Fault::Missing));
            if wanted { vocabulary.special(metadata, key).and_then(required).map(Some) } else { Ok(None) }
        };
        Ok(Self { first: edge(ADD_BOS, pre.adds_bos, BOS)?, last: edge(ADD_EOS, false, EOS)? })
    }

    fn post_processor(&self) -> Value {
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

fn tokenizer(pre: &PreTokenizer, vocabulary: &Vocabulary<'_>, edges: &Edges<'_>) -> Value {
    let byte_level = json!({
        "type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true,
    });
    json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": vocabulary.added_tokens(),
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
            "vocab": vocabulary.ids(),
            "merges": vocabulary.merges,
        },
    })
}

fn tokenizer_config(gguf: &Gguf<'_>, vocabulary: &Vocabulary<'_>, edges: &Edges<'_>) -> Result<Value, GgufError> {
    let metadata = &gguf.metadata;
    let special = |key| Ok(vocabulary.special(metadata, key)?.map(|(_, token)| token));
    let context_length = |architecture| metadata.u32(&format!("{architecture}.context_length"));
    let architecture = Metadata::optional(metadata.string("general.architecture"))?;
    let longest = architecture.map(|name| Metadata::optional(context_length(name))).transpose()?.flatten();
    let mut config = json!({
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": special(BOS)?,
        "eos_token": special(EOS)?,
        "unk_token": special(UNKNOWN)?,
        "pad_token": special(PADDING)?,
        "add_bos_token": edges.first.is_some(),
        "add_eos_token": edges.last.is_some(),
        "clean_up_tokenization_spaces": false,
    });
    if let Some(longest) = longest {
        config["model_max_length"] = json!(longest);
    }
    if let Some(template) = Metadata::optional(metadata.string(CHAT_TEMPLATE))? {
        config["chat_template"] = json!(template);
    }
    Ok(config)
}

fn unsupported_model(model: &str) -> GgufError {
    let found = match model {
        "llama" => "llama (a SentencePiece vocabulary)".to_owned(),
        other => other.to_owned(),
    };
    failed(MODEL, Fault::Unsupported { found, known: format!("`{BYTE_LEVEL}` vocabularies") })
}

fn failed(key: &str, fault: Fault) -> GgufError {
    GgufError::ConvertTokenizer { key: key.to_owned(), fault }
}
