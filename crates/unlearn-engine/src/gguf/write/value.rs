//! A metadata value to be written.

use std::io::{self, Write};

use crate::gguf::value::DEEPEST;
use crate::gguf::{Fault, ValueKind};

/// A metadata value of any type, with its width.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)]
pub enum OwnedValue {
    U8(u8),
    I8(i8),
    U16(u16),
    I16(i16),
    U32(u32),
    I32(i32),
    F32(f32),
    Bool(bool),
    String(String),
    /// Values that all are of this type.
    Array(ValueKind, Vec<OwnedValue>),
    U64(u64),
    I64(i64),
    F64(f64),
}

impl OwnedValue {
    /// The value's type.
    #[must_use]
    pub fn kind(&self) -> ValueKind {
        match self {
            Self::U8(_) => ValueKind::U8,
            Self::I8(_) => ValueKind::I8,
            Self::U16(_) => ValueKind::U16,
            Self::I16(_) => ValueKind::I16,
            Self::U32(_) => ValueKind::U32,
            Self::I32(_) => ValueKind::I32,
            Self::F32(_) => ValueKind::F32,
            Self::Bool(_) => ValueKind::Bool,
            Self::String(_) => ValueKind::String,
            Self::Array(..) => ValueKind::Array,
            Self::U64(_) => ValueKind::U64,
            Self::I64(_) => ValueKind::I64,
            Self::F64(_) => ValueKind::F64,
        }
    }

    /// Whether the format can hold it: arrays of one type, not too deep.
    pub(super) fn check(&self, depth: usize) -> Result<(), Fault> {
        let Self::Array(kind, values) = self else { return Ok(()) };
        if depth == DEEPEST {
            return Err(Fault::Nested(DEEPEST));
        }
        let other = |value: &&Self| value.kind() != *kind;
        if let Some(value) = values.iter().find(other) {
            return Err(Fault::WrongType { expected: kind.name(), found: value.kind().name() });
        }
        values.iter().try_for_each(|value| value.check(depth + 1))
    }

    /// Writes the type, then the value.
    pub(super) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(&(self.kind() as u32).to_le_bytes())?;
        self.write_bare(out)
    }

    fn write_bare(&self, out: &mut dyn Write) -> io::Result<()> {
        match self {
            Self::U8(value) => out.write_all(&value.to_le_bytes()),
            Self::I8(value) => out.write_all(&value.to_le_bytes()),
            Self::U16(value) => out.write_all(&value.to_le_bytes()),
            Self::I16(value) => out.write_all(&value.to_le_bytes()),
            Self::U32(value) => out.write_all(&value.to_le_bytes()),
            Self::I32(value) => out.write_all(&value.to_le_bytes()),
            Self::F32(value) => out.write_all(&value.to_le_bytes()),
            Self::Bool(value) => out.write_all(&[u8::from(*value)]),
            Self::String(value) => write_text(value, out),
            Self::Array(kind, values) => {
                out.write_all(&(*kind as u32).to_le_bytes())?;
                out.write_all(&(values.len() as u64).to_le_bytes())?;
                values.iter().try_for_each(|value| value.write_bare(out))
            }
            Self::U64(value) => out.write_all(&value.to_le_bytes()),
            Self::I64(value) => out.write_all(&value.to_le_bytes()),
            Self::F64(value) => out.write_all(&value.to_le_bytes()),
        }
    }
}

/// Writes a text: its length in bytes, then the bytes.
pub(super) fn write_text(text: &str, out: &mut dyn Write) -> io::Result<()> {
    out.write_all(&(text.len() as u64).to_le_bytes())?;
    out.write_all(text.as_bytes())
}

/// Types of Rust that are a value each, and in a vector an array.
macro_rules! values {
    ($($type:ty => $kind:ident),+ $(,)?) => {
        $(
            impl From<$type> for OwnedValue {
                fn from(value: $type) -> Self {
                    Self::$kind(value)
                }
            }

            impl From<Vec<$type>> for OwnedValue {
                fn from(values: Vec<$type>) -> Self {
                    Self::Array(ValueKind::$kind, values.into_iter().map(Self::$kind).collect())
                }
            }
        )+
    };
}

values!(
    u8 => U8, i8 => I8, u16 => U16, i16 => I16, u32 => U32, i32 => I32, f32 => F32, bool => Bool, String => String,
    u64 => U64, i64 => I64, f64 => F64,
);

impl From<&str> for OwnedValue {
    fn from(value: &str) -> Self {
        Self::String(value.to_owned())
    }
}
