//! The key-value part of a GGUF file, with getters that say what is missing.

use std::collections::BTreeMap;

use super::cursor::Cursor;
use super::{Fault, GgufError, MetaArray, MetaValue};

/// More entries than any real file has; a count beyond it is a lie.
const MOST_ENTRIES: u64 = 1 << 16;

/// Everything a GGUF file says about its model, by key.
#[derive(Debug, Clone, Default)]
pub struct Metadata<'a> {
    entries: BTreeMap<&'a str, MetaValue<'a>>,
}

impl<'a> Metadata<'a> {
    pub(super) fn read(cursor: &mut Cursor<'a>, count: u64) -> Result<Self, GgufError> {
        if count > MOST_ENTRIES {
            let fault = Fault::TooMany { count, limit: MOST_ENTRIES };
            return Err(GgufError::ReadHeader { fault });
        }
        let mut entries = BTreeMap::new();
        for position in 0..count {
            let unnamed = |fault| GgufError::ReadMetadata { key: format!("entry {position} of {count}"), fault };
            let key = cursor.name().map_err(unnamed)?;
            let failed = |fault| GgufError::ReadMetadata { key: key.to_owned(), fault };
            let value = MetaValue::read(cursor).map_err(failed)?;
            if entries.insert(key, value).is_some() {
                return Err(failed(Fault::Duplicate));
            }
        }
        Ok(Self { entries })
    }

    /// The value of a key, of whatever type.
    pub fn get(&self, key: &str) -> Option<MetaValue<'a>> {
        self.entries.get(key).copied()
    }

    /// All keys and values, in the order of the keys.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, MetaValue<'a>)> + '_ {
        self.entries.iter().map(|(key, value)| (*key, *value))
    }

    /// A non-negative integer that fits 32 bits, stored with any width.
    pub fn u32(&self, key: &str) -> Result<u32, GgufError> {
        self.typed(key, "an unsigned 32-bit integer", |value| u32::try_from(value.as_u64()?).ok())
    }

    /// A non-negative integer as an index or size.
    pub fn size(&self, key: &str) -> Result<usize, GgufError> {
        self.u32(key).map(|value| value as usize)
    }

    /// A 32-bit float.
    pub fn f32(&self, key: &str) -> Result<f32, GgufError> {
        self.typed(key, "a 32-bit float", |value| match value {
            MetaValue::F32(number) => Some(number),
            _ => None,
        })
    }

    /// A truth value.
    pub fn bool(&self, key: &str) -> Result<bool, GgufError> {
        self.typed(key, "a bool", |value| match value {
            MetaValue::Bool(truth) => Some(truth),
            _ => None,
        })
    }

    /// A text.
    pub fn string(&self, key: &str) -> Result<&'a str, GgufError> {
        let bytes = self.typed(key, "a string", |value| match value {
            MetaValue::String(bytes) => Some(bytes),
            _ => None,
        })?;
        std::str::from_utf8(bytes).map_err(|_| Self::failed(key, Fault::Utf8))
    }

    /// An array of whatever type.
    pub fn array(&self, key: &str) -> Result<MetaArray<'a>, GgufError> {
        self.typed(key, "an array", |value| match value {
            MetaValue::Array(array) => Some(array),
            _ => None,
        })
    }

    /// An array of texts.
    pub fn strings(&self, key: &str) -> Result<Vec<&'a str>, GgufError> {
        let text = |value: MetaValue<'a>| match value {
            MetaValue::String(bytes) => std::str::from_utf8(bytes).map_err(|_| Fault::Utf8),
            other => Err(Fault::WrongType { expected: "an array of strings", found: other.type_name() }),
        };
        self.array(key)?.iter().map(text).collect::<Result<_, _>>().map_err(|fault| Self::failed(key, fault))
    }

    /// An array of non-negative integers that fit 32 bits.
    pub fn u32s(&self, key: &str) -> Result<Vec<u32>, GgufError> {
        let number = |value: MetaValue<'a>| {
            let fits = value.as_u64().and_then(|number| u32::try_from(number).ok());
            fits.ok_or(Fault::WrongType { expected: "an array of unsigned integers", found: value.type_name() })
        };
        self.array(key)?.iter().map(number).collect::<Result<_, _>>().map_err(|fault| Self::failed(key, fault))
    }

    /// An array of 32-bit floats.
    pub fn f32s(&self, key: &str) -> Result<Vec<f32>, GgufError> {
        let number = |value: MetaValue<'a>| match value {
            MetaValue::F32(number) => Ok(number),
            other => Err(Fault::WrongType { expected: "an array of 32-bit floats", found: other.type_name() }),
        };
        self.array(key)?.iter().map(number).collect::<Result<_, _>>().map_err(|fault| Self::failed(key, fault))
    }

    /// Turns "missing" into `None`, and leaves a value of the wrong type an error: `optional(metadata.u32(key))`.
    pub fn optional<T>(looked_up: Result<T, GgufError>) -> Result<Option<T>, GgufError> {
        match looked_up {
            Ok(value) => Ok(Some(value)),
            Err(GgufError::GetMetadata { fault: Fault::Missing, .. }) => Ok(None),
            Err(other) => Err(other),
        }
    }

    fn typed<T>(
        &self,
        key: &str,
        expected: &'static str,
        convert: impl FnOnce(MetaValue<'a>) -> Option<T>,
    ) -> Result<T, GgufError> {
        let value = self.get(key).ok_or_else(|| Self::failed(key, Fault::Missing))?;
        let wrong_type = Fault::WrongType { expected, found: value.type_name() };
        convert(value).ok_or_else(|| Self::failed(key, wrong_type))
    }

    fn failed(key: &str, fault: Fault) -> GgufError {
        GgufError::GetMetadata { key: key.to_owned(), fault }
    }
}
