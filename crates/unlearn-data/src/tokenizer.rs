//! The tokenizer, and what a checkpoint says about its special tokens.

mod checks;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use serde_json::Value;
use unlearn_core::file;

use crate::{DataError, chat};

/// A checkpoint's tokenizer.
#[derive(Clone)]
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    eos: Option<u32>,
    pad: Option<u32>,
    /// Where it came from, for errors.
    path: PathBuf,
}

impl Tokenizer {
    /// A tokenizer in memory. `eos_token` ends an answer.
    pub fn new(inner: tokenizers::Tokenizer, eos_token: Option<&str>) -> Self {
        let eos = eos_token.and_then(|t| inner.token_to_id(t));
        Self { inner, eos, pad: None, path: "tokenizer.json".into() }
    }

    /// The tokenizer of a checkpoint's folder; `None` where it has no `tokenizer.json`.
    ///
    /// # Errors
    /// When a file is there but cannot be used.
    pub fn of_folder(dir: &Path) -> Result<Option<Self>, DataError> {
        let path = dir.join("tokenizer.json");
        if !path.exists() {
            return Ok(None);
        }
        let bytes = std::fs::read(&path).map_err(|e| file::FileError::read(&path, e))?;
        let config_path = dir.join("tokenizer_config.json");
        let config: Value = if config_path.exists() { file::read_json(&config_path)? } else { Value::Null };
        Self::of_files(&bytes, &config, &path).map(Some)
    }

    /// The tokenizer of a `tokenizer.json` and a `tokenizer_config.json`; `path` is where they came from. Truncation and
    /// padding are left out, as transformers does unless it is asked for them: rows are cut and filled up elsewhere.
    ///
    /// # Errors
    /// When they cannot be used.
    pub fn of_files(json: &[u8], config: &Value, path: &Path) -> Result<Self, DataError> {
        let fail = |reason: String| DataError::Tokenizer { path: path.to_owned(), reason };
        checks::check(json).map_err(fail)?;
        let read = || tokenizers::Tokenizer::from_bytes(json).map_err(|e| e.to_string());
        let mut inner = guarded(read).map_err(fail)?;
        inner.with_padding(None);
        inner.with_truncation(None).map_err(|e| fail(e.to_string()))?;
        let eos = match chat::special_token(&config["eos_token"]) {
            None => None,
            Some(t) => match inner.token_to_id(&t) {
                None => return Err(fail(format!("`eos_token` is `{t}`, which is not in the vocabulary"))),
                id => id,
            },
        };
        let pad = chat::special_token(&config["pad_token"]).and_then(|t| inner.token_to_id(&t));
        Ok(Self { inner, eos, pad, path: path.to_owned() })
    }

    /// Token ids of a text. `special` lets the tokenizer add what it adds to a whole text (e.g. a first token).
    ///
    /// # Errors
    /// When the tokenizer refuses the text.
    pub fn encode(&self, text: &str, special: bool) -> Result<Vec<u32>, DataError> {
        let encode = || self.inner.encode_fast(text, special).map_err(|e| e.to_string());
        Ok(guarded(encode).map_err(|reason| self.failed(reason))?.get_ids().to_vec())
    }

    /// The text of token ids, special tokens left out.
    ///
    /// # Errors
    /// When the tokenizer's decoder fails.
    pub fn decode(&self, ids: &[u32]) -> Result<String, DataError> {
        guarded(|| self.inner.decode(ids, true).map_err(|e| e.to_string())).map_err(|reason| self.failed(reason))
    }

    fn failed(&self, reason: String) -> DataError {
        DataError::Tokenizer { path: self.path.clone(), reason }
    }

    /// The token that ends an answer.
    pub fn eos(&self) -> Option<u32> {
        self.eos
    }

    /// The token that fills up short rows in other tools.
    pub fn pad(&self) -> Option<u32> {
        self.pad
    }

    /// The largest token id plus one.
    pub fn vocabulary(&self) -> usize {
        self.inner.get_vocab(true).values().max().map_or(0, |&id| id as usize + 1)
    }

    /// The tokenizer as `tokenizer.json`.
    ///
    /// # Errors
    /// When it cannot be serialised.
    pub fn to_json(&self) -> Result<String, DataError> {
        self.inner.to_string(true).map_err(|e| self.failed(e.to_string()))
    }
}

/// The library panics on some contents of its file, such as a charsmap that points outside of itself.
fn guarded<T>(run: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    let caught = catch_unwind(AssertUnwindSafe(run));
    caught.unwrap_or_else(|_| Err("the tokenizer's library failed on it".to_owned()))
}

impl std::fmt::Debug for Tokenizer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokenizer").field("vocabulary", &self.vocabulary()).field("eos", &self.eos).finish()
    }
}
