//! A Hugging Face tokenizer as the `tokenizer.*` metadata of a GGUF file.

use serde_json::Value;

use super::vocabulary::{Tokens, byte_level, sentence_piece};
use super::{Keys, refused_tokenizer as refused};
use crate::gguf::tokenizer::PreTokenizer;
use crate::gguf::{Fault, GgufError, TokenizerFiles};

/// The special tokens: their name in GGUF, in `tokenizer_config.json` and, with `_id`, in `config.json`.
const SPECIAL: [(&str, &str); 4] =
    [("bos", "bos_token"), ("eos", "eos_token"), ("unknown", "unk_token"), ("padding", "pad_token")];

/// Adds everything that a GGUF file says of the tokenizer, and says what it cannot hold.
pub(super) fn describe(
    files: &TokenizerFiles,
    config: &Value,
    rows: usize,
    keys: &mut Keys,
    notes: &mut Vec<String>,
) -> Result<(), GgufError> {
    let json = &files.tokenizer;
    if json["model"]["type"] != "BPE" {
        let found = json["model"]["type"].as_str().unwrap_or("none").to_owned();
        return Err(refused("model.type", Fault::Unsupported { found, known: "byte-pair encodings".into() }));
    }
    let tokens = Tokens::read(json, rows)?;
    let mut set = |name: &str, value: crate::gguf::OwnedValue| keys.set(&format!("tokenizer.ggml.{name}"), value);
    if json["model"]["byte_fallback"] == true {
        set("model", "llama".into());
        set("pre", "default".into());
        let pieces = sentence_piece::pieces(json, &tokens)?;
        set("tokens", tokens.texts().into());
        set("scores", pieces.scores.into());
        set("token_type", pieces.types.into());
        set("add_space_prefix", pieces.adds_space.into());
    } else {
        let pre = PreTokenizer::of_json(json).ok_or_else(|| {
            let known = "the pre-tokenizers of GPT-2, SmolLM, Llama 3 and Qwen 2".to_owned();
            refused("pre_tokenizer", Fault::Unsupported { found: json["pre_tokenizer"].to_string(), known })
        })?;
        set("model", "gpt2".into());
        set("pre", pre.name().into());
        set("tokens", tokens.texts().into());
        set("token_type", byte_level::types(&tokens).into());
        set("merges", byte_level::merges(json)?.into());
    }
    let edges = Edges::read(json)?;
    for (name, field) in SPECIAL {
        let stated = special(&files.tokenizer_config[field]).or_else(|| special(&json["model"][field]));
        let id = match (name, &edges) {
            ("bos", Edges { first: Some(first), .. }) => Some(*first),
            ("eos", Edges { last: Some(last), .. }) => Some(*last),
            _ => stated.and_then(|token| tokens.id(token)).or_else(|| first_id(&config[format!("{field}_id")])),
        };
        if let Some(id) = id.filter(|id| (*id as usize) < rows) {
            set(&format!("{name}_token_id"), id.into());
        }
    }
    set("add_bos_token", edges.first.is_some().into());
    set("add_eos_token", edges.last.is_some().into());
    if let Some(template) = template(&files.tokenizer_config["chat_template"]) {
        keys.set("tokenizer.chat_template", template.into());
    }
    notes.extend(tokens.notes());
    Ok(())
}

/// The tokens that are put around every text.
struct Edges {
    first: Option<u32>,
    last: Option<u32>,
}

impl Edges {
    fn read(json: &Value) -> Result<Self, GgufError> {
        let processor = &json["post_processor"];
        let parts = processor["processors"].as_array().map_or(std::slice::from_ref(processor), Vec::as_slice);
        let known = |part: &&Value| matches!(part["type"].as_str(), None | Some("ByteLevel" | "TemplateProcessing"));
        if let Some(unknown) = parts.iter().find(|part| !known(part)) {
            let found = unknown["type"].as_str().unwrap_or_default().to_owned();
            let known = "`ByteLevel` and `TemplateProcessing`".to_owned();
            return Err(refused("post_processor", Fault::Unsupported { found, known }));
        }
        let Some(template) = parts.iter().find(|part| part["type"] == "TemplateProcessing") else {
            return Ok(Self { first: None, last: None });
        };
        let single = template["single"].as_array().map(Vec::as_slice).unwrap_or_default();
        let id = |part: &Value| {
            let name = part["SpecialToken"]["id"].as_str()?;
            first_id(&template["special_tokens"][name]["ids"])
        };
        let text = single.iter().position(|part| !part["Sequence"].is_null());
        let around = text.map(|at| (&single[..at], &single[at + 1..]));
        let (before, after) = around.unwrap_or_default();
        if text.is_none() || before.len() > 1 || after.len() > 1 || before.iter().chain(after).any(|p| id(p).is_none())
        {
            let why = "only one token before and one after the text can be written".to_owned();
            return Err(refused("post_processor", Fault::Conflict(why)));
        }
        Ok(Self { first: before.first().and_then(id), last: after.first().and_then(id) })
    }
}

/// An id, or the first of several.
fn first_id(value: &Value) -> Option<u32> {
    let single = value.as_array().map_or(Some(value), |ids| ids.first())?;
    u32::try_from(single.as_u64()?).ok()
}

/// A special token is written as a text, or as an object with a `content`.
fn special(value: &Value) -> Option<&str> {
    value.as_str().or_else(|| value["content"].as_str())
}

/// A chat template is one text, or several with names, of which one is the default.
fn template(value: &Value) -> Option<&str> {
    let named = || value.as_array()?.iter().find(|t| t["name"] == "default")?["template"].as_str();
    value.as_str().or_else(named)
}
