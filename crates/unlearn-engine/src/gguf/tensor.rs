//! One tensor of a GGUF file: its description, its bytes, its values.

use super::cursor::Cursor;
use super::{Fault, TensorKind};

/// The dimensions that the format allows.
const MOST_DIMENSIONS: u32 = 4;

/// A tensor, with its bytes where they are in the file.
#[derive(Debug, Clone, PartialEq)]
pub struct TensorInfo<'a> {
    /// The name in the file, as in `blk.0.attn_q.weight`.
    pub name: &'a str,
    /// The dimensions, the one whose values lie side by side last (the reverse of the order in the file).
    pub shape: Vec<usize>,
    /// How the values are stored.
    pub kind: TensorKind,
    /// The stored values, exactly as many bytes as the shape needs.
    pub bytes: &'a [u8],
}

impl TensorInfo<'_> {
    /// How many values there are.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether there are no values; never so in a file that was parsed.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All values as 32-bit floats, row-major.
    ///
    /// # Shapes
    /// As many values as the product of [`shape`](Self::shape).
    pub fn to_f32(&self) -> Vec<f32> {
        let mut values = vec![0.0; self.len()];
        (self.kind.layout().decode)(self.bytes, &mut values);
        values
    }

    /// All values as 32-bit floats, with the rows in another order: row `i` of the result is row `source(i)` here.
    ///
    /// # Shapes
    /// As many values as the product of [`shape`](Self::shape); a row is a run along the last dimension.
    pub(super) fn rows_to_f32(&self, source: impl Fn(usize) -> usize) -> Vec<f32> {
        let row = self.shape.last().copied().unwrap_or(1).max(1);
        let layout = self.kind.layout();
        let row_bytes = row / layout.values * layout.bytes;
        let mut values = vec![0.0; self.len()];
        for (position, target) in values.chunks_exact_mut(row).enumerate() {
            let start = source(position) * row_bytes;
            if let Some(bytes) = self.bytes.get(start..start + row_bytes) {
                (layout.decode)(bytes, target);
            }
        }
        values
    }
}

impl<'a> TensorInfo<'a> {
    /// `count` rows from row `first` on, along the first dimension; `None` where there are fewer or where they do not
    /// begin and end with a whole block.
    pub(super) fn first_rows(&self, first: usize, count: usize) -> Option<Self> {
        let (rows, inner) = self.shape.split_first()?;
        let (block, block_bytes) = (self.kind.values_per_block(), self.kind.bytes_per_block());
        let end = first.checked_add(count).filter(|end| end <= rows)?;
        let at = |row: usize| {
            let values = inner.iter().product::<usize>() * row;
            values.is_multiple_of(block).then_some(values / block * block_bytes)
        };
        let shape = [&[count], inner].concat();
        Some(Self { shape, bytes: self.bytes.get(at(first)?..at(end)?)?, ..self.clone() })
    }
}

/// A tensor's description as it stands in the file, before its data is looked up.
pub(super) struct Description {
    dimensions: Vec<u64>,
    kind: TensorKind,
    pub(super) offset: u64,
}

impl Description {
    /// Reads all that follows the name.
    pub(super) fn read(cursor: &mut Cursor<'_>) -> Result<Self, Fault> {
        let count = cursor.u32()?;
        if !(1..=MOST_DIMENSIONS).contains(&count) {
            return Err(Fault::Dimensions(count));
        }
        let dimensions = (0..count).map(|_| cursor.u64()).collect::<Result<Vec<_>, _>>()?;
        let number = cursor.u32()?;
        let offset = cursor.u64()?;
        let kind = TensorKind::from_number(number)?;
        Ok(Self { dimensions, kind, offset })
    }

    /// Bytes of data that the shape asks for.
    pub(super) fn size(&self) -> Result<u64, Fault> {
        let impossible = || Fault::ImpossibleShape(self.dimensions.clone());
        let row = self.dimensions[0];
        let (block, block_bytes) = (self.kind.values_per_block() as u64, self.kind.bytes_per_block() as u64);
        if !row.is_multiple_of(block) {
            return Err(Fault::Block { row, kind: self.kind.name(), block });
        }
        let values = self.dimensions.iter().try_fold(1u64, |product, &size| product.checked_mul(size));
        let values = values.filter(|&values| values > 0).ok_or_else(impossible)?;
        (values / block).checked_mul(block_bytes).ok_or_else(impossible)
    }

    /// The tensor, given all bytes from the start of the data section.
    pub(super) fn locate<'a>(&self, name: &'a str, data: &'a [u8]) -> Result<TensorInfo<'a>, Fault> {
        let size = self.size()?;
        let mut cursor = Cursor::new(data);
        let skipped = cursor.take(self.offset).and_then(|_| cursor.take(size));
        let left = (data.len() as u64).saturating_sub(self.offset);
        let bytes = skipped.map_err(|_| Fault::CutShort { needed: size, left })?;
        let as_size = |&size: &u64| usize::try_from(size).map_err(|_| Fault::ImpossibleShape(self.dimensions.clone()));
        let shape = self.dimensions.iter().rev().map(as_size).collect::<Result<Vec<_>, _>>()?;
        Ok(TensorInfo { name, shape, kind: self.kind, bytes })
    }
}
