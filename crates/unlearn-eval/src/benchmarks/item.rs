//! One value of a published file, and its fields.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Map, Value};
use unlearn_data::Row;

/// A value of a file, and where it stands.
pub(super) struct Item {
    path: Arc<PathBuf>,
    line: usize,
    /// Its place among the values of the file, from 0.
    pub(super) index: usize,
    value: Value,
}

impl Item {
    pub(super) fn new(path: Arc<PathBuf>, line: usize, index: usize, value: Value) -> Self {
        Self { path, line, index, value }
    }

    /// A row that says where it comes from.
    pub(super) fn row(&self, row: Row) -> Row {
        row.at(&self.path, self.line)
    }

    /// The row that the value is, in the forms of a data file.
    pub(super) fn as_row(&self) -> Result<Row, String> {
        Row::from_json(self.object()?, &self.path, self.line)
    }

    /// [`Self::as_row`] of a question to choose an answer to.
    pub(super) fn as_choice(&self) -> Result<Row, String> {
        let row = self.as_row()?;
        if row.choices.is_empty() { Err("the row has no field `choices`".into()) } else { Ok(row) }
    }

    /// A field that is a text.
    pub(super) fn text(&self, name: &str) -> Result<String, String> {
        match self.field(name)? {
            Value::String(text) => Ok(text.clone()),
            other => Err(format!("field `{name}` is not a text but {other}")),
        }
    }

    /// A field that is a text, or not there.
    pub(super) fn optional(&self, name: &str) -> Result<Option<String>, String> {
        match self.object()?.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(_) => self.text(name).map(Some),
        }
    }

    /// The first of a field that is a list of texts, or the text that it is.
    pub(super) fn first(&self, name: &str) -> Result<String, String> {
        match self.field(name)? {
            Value::Array(texts) => match texts.first() {
                Some(Value::String(text)) => Ok(text.clone()),
                _ => Err(format!("field `{name}` is not a list of texts")),
            },
            _ => self.text(name),
        }
    }

    /// The value if it is a text, else its field `text`.
    pub(super) fn bare(&self) -> Result<String, String> {
        match &self.value {
            Value::String(text) => Ok(text.clone()),
            _ => self.text("text"),
        }
    }

    pub(super) fn field(&self, name: &str) -> Result<&Value, String> {
        let object = self.object()?;
        object.get(name).ok_or_else(|| {
            let has = object.keys().map(|k| format!("`{k}`")).collect::<Vec<_>>().join(", ");
            format!("the row has no field `{name}`, only {has}")
        })
    }

    fn object(&self) -> Result<&Map<String, Value>, String> {
        self.value.as_object().ok_or_else(|| format!("the row is not an object but {}", self.value))
    }
}
