//! One metadata value, checked when it is read, decoded when it is asked for.

use super::Fault;
use super::cursor::Cursor;

/// Arrays may hold arrays down to this depth.
pub(super) const DEEPEST: usize = 4;

/// The type of a metadata value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum ValueKind {
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    F32,
    Bool,
    String,
    Array,
    U64,
    I64,
    F64,
}

impl ValueKind {
    fn read(cursor: &mut Cursor<'_>) -> Result<Self, Fault> {
        let number = cursor.u32()?;
        usize::try_from(number)
            .ok()
            .and_then(|number| VALUE_KINDS.get(number))
            .map_or(Err(Fault::ValueType(number)), |(kind, ..)| Ok(*kind))
    }

    /// The type's name, as messages show it.
    pub fn name(self) -> &'static str {
        VALUE_KINDS[self as usize].1
    }

    /// Bytes of one value, for the types where all values have the same.
    fn width(self) -> Option<u64> {
        VALUE_KINDS[self as usize].2
    }
}

/// Type, name and width in bytes, at the number the format gives to the type.
const VALUE_KINDS: [(ValueKind, &str, Option<u64>); 13] = [
    (ValueKind::U8, "u8", Some(1)),
    (ValueKind::I8, "i8", Some(1)),
    (ValueKind::U16, "u16", Some(2)),
    (ValueKind::I16, "i16", Some(2)),
    (ValueKind::U32, "u32", Some(4)),
    (ValueKind::I32, "i32", Some(4)),
    (ValueKind::F32, "f32", Some(4)),
    (ValueKind::Bool, "bool", Some(1)),
    (ValueKind::String, "string", None),
    (ValueKind::Array, "array", None),
    (ValueKind::U64, "u64", Some(8)),
    (ValueKind::I64, "i64", Some(8)),
    (ValueKind::F64, "f64", Some(8)),
];

/// A metadata value. Texts and arrays stay where they are in the file.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum MetaValue<'a> {
    /// An unsigned integer of any width.
    Unsigned(u64),
    /// A signed integer of any width.
    Signed(i64),
    /// A 32-bit float.
    F32(f32),
    /// A 64-bit float.
    F64(f64),
    /// A truth value.
    Bool(bool),
    /// A text, not yet checked to be UTF-8.
    String(&'a [u8]),
    /// Values of one type.
    Array(MetaArray<'a>),
}

impl<'a> MetaValue<'a> {
    /// Reads the type and the value.
    pub(super) fn read(cursor: &mut Cursor<'a>) -> Result<Self, Fault> {
        let kind = ValueKind::read(cursor)?;
        Self::read_as(kind, cursor, 0)
    }

    fn read_as(kind: ValueKind, cursor: &mut Cursor<'a>, depth: usize) -> Result<Self, Fault> {
        Ok(match kind {
            ValueKind::U8 => Self::Unsigned(u8::from_le_bytes(cursor.array()?).into()),
            ValueKind::I8 => Self::Signed(i8::from_le_bytes(cursor.array()?).into()),
            ValueKind::U16 => Self::Unsigned(u16::from_le_bytes(cursor.array()?).into()),
            ValueKind::I16 => Self::Signed(i16::from_le_bytes(cursor.array()?).into()),
            ValueKind::U32 => Self::Unsigned(cursor.u32()?.into()),
            ValueKind::I32 => Self::Signed(i32::from_le_bytes(cursor.array()?).into()),
            ValueKind::F32 => Self::F32(f32::from_le_bytes(cursor.array()?)),
            ValueKind::Bool => Self::Bool(cursor.array::<1>()? != [0]),
            ValueKind::String => Self::String(cursor.string()?),
            ValueKind::Array => Self::Array(MetaArray::read(cursor, depth)?),
            ValueKind::U64 => Self::Unsigned(cursor.u64()?),
            ValueKind::I64 => Self::Signed(i64::from_le_bytes(cursor.array()?)),
            ValueKind::F64 => Self::F64(f64::from_le_bytes(cursor.array()?)),
        })
    }

    /// The value's type, as messages show it.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Unsigned(_) => "an unsigned integer",
            Self::Signed(_) => "a signed integer",
            Self::F32(_) | Self::F64(_) => "a float",
            Self::Bool(_) => "a bool",
            Self::String(_) => "a string",
            Self::Array(_) => "an array",
        }
    }

    /// The value as an unsigned integer, if it is a non-negative integer.
    pub fn as_u64(&self) -> Option<u64> {
        match *self {
            Self::Unsigned(value) => Some(value),
            Self::Signed(value) => u64::try_from(value).ok(),
            _ => None,
        }
    }
}

/// An array of metadata values of one type, decoded while iterating.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MetaArray<'a> {
    kind: ValueKind,
    len: u64,
    bytes: &'a [u8],
    depth: usize,
}

impl<'a> MetaArray<'a> {
    fn read(cursor: &mut Cursor<'a>, depth: usize) -> Result<Self, Fault> {
        if depth == DEEPEST {
            return Err(Fault::Nested(DEEPEST));
        }
        let kind = ValueKind::read(cursor)?;
        let len = cursor.u64()?;
        let start = cursor.rest();
        match kind.width() {
            Some(width) => drop(cursor.take(len.saturating_mul(width))?),
            None => (0..len).try_for_each(|_| MetaValue::read_as(kind, cursor, depth + 1).map(drop))?,
        }
        let bytes = &start[..start.len() - cursor.rest().len()];
        Ok(Self { kind, len, bytes, depth })
    }

    /// How many values there are.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The type of every value.
    pub fn kind(&self) -> ValueKind {
        self.kind
    }

    /// The values, in order.
    pub fn iter(&self) -> impl Iterator<Item = MetaValue<'a>> + use<'a> {
        let Self { kind, len, bytes, depth } = *self;
        let mut cursor = Cursor::new(bytes);
        (0..len).map_while(move |_| MetaValue::read_as(kind, &mut cursor, depth + 1).ok())
    }
}
