//! Guards: what stands before a model and refuses in its place. A guard is data beside the weights, which it leaves as
//! they are.

mod filter;

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::{DataError, Row};

pub use filter::{Filter, Wanted};

/// The content of a guard's file, `guard.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GuardFile {
    /// Always [`Guard::SCHEMA`].
    pub schema: String,
    /// What is said instead of an answer.
    pub refusal: String,
    /// The share of a text's word pairs that tells it, above 0 and up to 1.
    pub overlap: f64,
    /// What a question is stopped by.
    pub input: Wanted,
    /// What an answer is stopped by.
    pub output: Wanted,
}

/// A guard, ready to be asked.
#[derive(Debug, Clone, PartialEq)]
pub struct Guard {
    file: GuardFile,
    input: Filter,
    output: Filter,
}

impl Guard {
    /// The schema and version of its file.
    pub const SCHEMA: &str = "unlearn.guard/1";
    /// Its file's name in a model's folder.
    pub const FILE: &str = "guard.json";

    /// From what its file holds.
    ///
    /// # Errors
    /// Says what makes no sense.
    pub fn new(file: GuardFile) -> Result<Self, String> {
        if file.schema != Self::SCHEMA {
            return Err(format!("its schema is `{}`, not `{}`", file.schema, Self::SCHEMA));
        }
        if file.refusal.trim().is_empty() {
            return Err("its `refusal` is empty".into());
        }
        if !(file.overlap > 0.0 && file.overlap <= 1.0) {
            return Err(format!("its `overlap` is {}, and has to lie above 0, up to 1", file.overlap));
        }
        let filter = |name: &str, wanted: &Wanted| {
            Filter::new(wanted, file.overlap).map_err(|blank| format!("`{name}` holds `{blank}`, which has no word"))
        };
        Ok(Self { input: filter("input", &file.input)?, output: filter("output", &file.output)?, file })
    }

    /// From its file's content; `path` is named where it cannot be used.
    ///
    /// # Errors
    /// When it is no such file.
    pub fn parse(content: &[u8], path: &Path) -> Result<Self, DataError> {
        let wrong = |reason: String| DataError::Guard { path: path.to_owned(), reason };
        // What comes from another version is not held to this one's fields.
        let value: serde_json::Value = serde_json::from_slice(content).map_err(|e| wrong(e.to_string()))?;
        match value.get("schema").and_then(serde_json::Value::as_str) {
            Some(Self::SCHEMA) => {}
            Some(other) => return Err(wrong(format!("its schema is `{other}`, not `{}`", Self::SCHEMA))),
            None => return Err(wrong("it has no `schema`".into())),
        }
        Self::new(serde_json::from_value(value).map_err(|e| wrong(e.to_string()))?).map_err(wrong)
    }

    /// What its file holds.
    #[must_use]
    pub fn file(&self) -> &GuardFile {
        &self.file
    }

    /// Its file's content.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        // Texts and a number: nothing in it can fail to be written.
        let mut content = serde_json::to_vec_pretty(&self.file).unwrap_or_default();
        content.push(b'\n');
        content
    }

    /// What is said instead of an answer.
    #[must_use]
    pub fn refusal(&self) -> &str {
        &self.file.refusal
    }

    /// Whether what a user sends is not passed on to the model.
    #[must_use]
    pub fn stops_question(&self, sent: &str) -> bool {
        self.input.finds(sent)
    }

    /// Whether what the model answers is not passed on to the user.
    #[must_use]
    pub fn stops_answer(&self, answer: &str) -> bool {
        self.output.finds(answer)
    }

    /// Whether a row's question, all that is sent before its answer, is stopped.
    #[must_use]
    pub fn stops(&self, row: &Row) -> bool {
        self.stops_question(&row.sent())
    }
}
