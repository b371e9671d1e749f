//! Typed access to `config.json`, with errors that name the field.

use std::path::Path;

use serde_json::Value;

use crate::EngineError;

/// The fields of a `config.json`.
pub struct Fields<'a> {
    value: &'a Value,
    path: &'a Path,
}

impl<'a> Fields<'a> {
    /// The fields of `value`, which was read from `path`.
    pub fn new(value: &'a Value, path: &'a Path) -> Self {
        Self { value, path }
    }

    /// An error about one field.
    pub fn bad(&self, field: &str, reason: impl Into<String>) -> EngineError {
        EngineError::Config { path: self.path.to_owned(), field: field.into(), reason: reason.into() }
    }

    /// The fields of an object in a field; `None` where it is missing or null.
    pub fn object(&self, field: &str) -> Result<Option<Fields<'a>>, EngineError> {
        match self.get(field) {
            Some(v) if !v.is_object() => Err(self.bad(field, format!("is not an object but {v}"))),
            value => Ok(value.map(|value| Fields { value, path: self.path })),
        }
    }

    /// The names of all fields that are there and not null.
    pub fn names(&self) -> impl Iterator<Item = &'a str> {
        self.value.as_object().into_iter().flatten().filter(|(_, v)| !v.is_null()).map(|(k, _)| k.as_str())
    }

    fn get(&self, field: &str) -> Option<&'a Value> {
        self.value.get(field).filter(|v| !v.is_null())
    }

    /// A text.
    pub fn text(&self, field: &str) -> Result<&'a str, EngineError> {
        let value = self.get(field).ok_or_else(|| self.bad(field, "is missing"))?;
        value.as_str().ok_or_else(|| self.bad(field, format!("is not a text but {value}")))
    }

    /// A size: an integer from 1 to 2³¹.
    pub fn size(&self, field: &str) -> Result<usize, EngineError> {
        let value = self.get(field).ok_or_else(|| self.bad(field, "is missing"))?;
        match value.as_u64() {
            Some(n) if (1..=1 << 31).contains(&n) => Ok(n as usize),
            _ => Err(self.bad(field, format!("is not a positive integer but {value}"))),
        }
    }

    /// A size that may be missing.
    pub fn size_or(&self, field: &str, default: usize) -> Result<usize, EngineError> {
        if self.get(field).is_some() { self.size(field) } else { Ok(default) }
    }

    /// A positive number that may be missing.
    pub fn number(&self, field: &str) -> Result<Option<f64>, EngineError> {
        match self.get(field) {
            None => Ok(None),
            Some(v) => match v.as_f64() {
                Some(x) if x > 0.0 && x.is_finite() => Ok(Some(x)),
                _ => Err(self.bad(field, format!("is not a positive number but {v}"))),
            },
        }
    }

    /// A positive number.
    pub fn need_number(&self, field: &str) -> Result<f64, EngineError> {
        self.number(field)?.ok_or_else(|| self.bad(field, "is missing"))
    }

    /// A switch; missing is off.
    pub fn switch(&self, field: &str) -> Result<bool, EngineError> {
        match self.get(field) {
            None => Ok(false),
            Some(v) => v.as_bool().ok_or_else(|| self.bad(field, format!("is not true or false but {v}"))),
        }
    }

    /// Refuses a field whose value is not among those that the decoder knows; missing is fine.
    pub fn only(&self, field: &str, known: &[&str]) -> Result<(), EngineError> {
        let Some(value) = self.get(field) else { return Ok(()) };
        if value.as_str().is_some_and(|v| known.contains(&v)) {
            return Ok(());
        }
        Err(self.bad(field, format!("is {value}, and this decoder knows {}", known.join(", "))))
    }
}
