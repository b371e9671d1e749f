//! The vocabulary of a GGUF file as the two files of a Hugging Face tokenizer.

mod byte_level;
mod edges;
mod pre;
mod sentencepiece;
mod vocabulary;

use serde_json::{Value, json};

use self::edges::Edges;
pub(super) use self::pre::PreTokenizer;
use self::vocabulary::Vocabulary;
use super::{Fault, Gguf, GgufError, Metadata};

const MODEL: &str = "tokenizer.ggml.model";
const PRE: &str = "tokenizer.ggml.pre";
const TOKENS: &str = "tokenizer.ggml.tokens";
const TOKEN_TYPES: &str = "tokenizer.ggml.token_type";
const SCORES: &str = "tokenizer.ggml.scores";
const MERGES: &str = "tokenizer.ggml.merges";
const BOS: &str = "tokenizer.ggml.bos_token_id";
const EOS: &str = "tokenizer.ggml.eos_token_id";
const UNKNOWN: &str = "tokenizer.ggml.unknown_token_id";
const PADDING: &str = "tokenizer.ggml.padding_token_id";
const ADD_BOS: &str = "tokenizer.ggml.add_bos_token";
const ADD_EOS: &str = "tokenizer.ggml.add_eos_token";
const ADD_SPACE_PREFIX: &str = "tokenizer.ggml.add_space_prefix";
const CHAT_TEMPLATE: &str = "tokenizer.chat_template";

/// The models of vocabularies that are converted: byte-pair encoding of bytes, and SentencePiece's of characters.
const BYTE_LEVEL: &str = "gpt2";
const SENTENCEPIECE: &str = "llama";

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
        let (tokenizer, vocabulary, edges) = match model {
            BYTE_LEVEL => byte_level::convert(metadata)?,
            SENTENCEPIECE => sentencepiece::convert(metadata)?,
            other => {
                let known = format!("`{BYTE_LEVEL}` and `{SENTENCEPIECE}`");
                return Err(failed(MODEL, Fault::Unsupported { found: other.to_owned(), known }));
            }
        };
        let tokenizer_config = tokenizer_config(metadata, &vocabulary, &edges)?;
        Ok(Some(Self { tokenizer, tokenizer_config }))
    }
}

/// The content of `tokenizer.json`, the vocabulary it is made of, and the tokens around every text.
type Converted<'a> = (Value, Vocabulary<'a>, Edges<'a>);

fn tokenizer_config(
    metadata: &Metadata<'_>,
    vocabulary: &Vocabulary<'_>,
    edges: &Edges<'_>,
) -> Result<Value, GgufError> {
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

fn failed(key: &str, fault: Fault) -> GgufError {
    GgufError::ConvertTokenizer { key: key.to_owned(), fault }
}
