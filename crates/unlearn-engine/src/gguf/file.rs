//! The file as a whole: header, metadata, tensor table, data section.

use std::collections::HashMap;

use super::cursor::Cursor;
use super::tensor::Description;
use super::{Fault, GgufError, Metadata, TensorInfo};

const MAGIC: [u8; 4] = *b"GGUF";
const VERSIONS: [u32; 2] = [2, 3];
const ALIGNMENT_KEY: &str = "general.alignment";
const DEFAULT_ALIGNMENT: u32 = 32;
/// More tensors than any real file has; a count beyond it is a lie.
const MOST_TENSORS: u64 = 1 << 16;

/// A parsed GGUF file. It borrows the bytes, and copies no tensor data.
#[derive(Debug, Clone)]
pub struct Gguf<'a> {
    /// The format's version, 2 or 3.
    pub version: u32,
    /// What the file says about its model.
    pub metadata: Metadata<'a>,
    /// The tensors, in the order of the file.
    pub tensors: Vec<TensorInfo<'a>>,
    positions: HashMap<&'a str, usize>,
}

impl<'a> Gguf<'a> {
    /// Parses and checks a whole file: when this succeeds, every tensor's data is there in full length.
    ///
    /// # Errors
    /// Any malformed or unsupported content, with the metadata key or the tensor it was found at.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, GgufError> {
        let mut cursor = Cursor::new(bytes);
        let (version, tensor_count, entry_count) =
            read_header(&mut cursor).map_err(|fault| GgufError::ReadHeader { fault })?;
        let metadata = Metadata::read(&mut cursor, entry_count)?;
        let table = read_table(&mut cursor, tensor_count)?;
        let alignment = alignment(&metadata)?;
        let data_start = (bytes.len() - cursor.rest().len()).checked_next_multiple_of(alignment as usize);
        let data = data_start.and_then(|start| bytes.get(start..)).unwrap_or_default();
        let tensors = locate_all(&table, data, alignment)?;
        let positions = tensors.iter().enumerate().map(|(position, tensor)| (tensor.name, position)).collect();
        Ok(Self { version, metadata, tensors, positions })
    }

    /// The tensor of this name.
    pub fn tensor(&self, name: &str) -> Option<&TensorInfo<'a>> {
        self.positions.get(name).and_then(|&position| self.tensors.get(position))
    }
}

fn read_header(cursor: &mut Cursor<'_>) -> Result<(u32, u64, u64), Fault> {
    let start = cursor.rest();
    if !start.starts_with(&MAGIC) {
        return Err(Fault::NotGguf(start.iter().take(MAGIC.len()).copied().collect()));
    }
    cursor.take(MAGIC.len() as u64)?;
    let version = cursor.u32()?;
    if VERSIONS.contains(&version.swap_bytes()) {
        return Err(Fault::BigEndian);
    }
    if !VERSIONS.contains(&version) {
        return Err(Fault::Version(version));
    }
    let tensor_count = cursor.u64()?;
    let entry_count = cursor.u64()?;
    if tensor_count > MOST_TENSORS {
        return Err(Fault::TooMany { count: tensor_count, limit: MOST_TENSORS });
    }
    Ok((version, tensor_count, entry_count))
}

fn read_table<'a>(cursor: &mut Cursor<'a>, count: u64) -> Result<Vec<(&'a str, Description)>, GgufError> {
    let mut table = Vec::new();
    for position in 0..count {
        let unnamed = |fault| GgufError::ReadTensor { tensor: format!("{position} of {count}"), fault };
        let name = cursor.name().map_err(unnamed)?;
        let description = Description::read(cursor);
        table.push((name, description.map_err(|fault| failed(name, fault))?));
    }
    Ok(table)
}

fn alignment(metadata: &Metadata<'_>) -> Result<u32, GgufError> {
    let alignment = Metadata::optional(metadata.u32(ALIGNMENT_KEY))?.unwrap_or(DEFAULT_ALIGNMENT);
    if alignment.is_power_of_two() {
        return Ok(alignment);
    }
    Err(GgufError::ReadMetadata { key: ALIGNMENT_KEY.to_owned(), fault: Fault::Alignment(alignment) })
}

fn locate_all<'a>(
    table: &[(&'a str, Description)],
    data: &'a [u8],
    alignment: u32,
) -> Result<Vec<TensorInfo<'a>>, GgufError> {
    let alignment = u64::from(alignment);
    let mut tensors = Vec::with_capacity(table.len());
    let mut extents = Vec::with_capacity(table.len());
    for (name, description) in table {
        let offset = description.offset;
        if !offset.is_multiple_of(alignment) {
            return Err(failed(name, Fault::Misaligned { offset, alignment }));
        }
        let tensor = description.locate(name, data).map_err(|fault| failed(name, fault))?;
        extents.push((offset, offset + tensor.bytes.len() as u64, *name));
        tensors.push(tensor);
    }
    refuse_shared_names_and_bytes(extents)?;
    Ok(tensors)
}

/// Extents are (start, end, name); equal names are looked for first, since they often share their data too.
fn refuse_shared_names_and_bytes(mut extents: Vec<(u64, u64, &str)>) -> Result<(), GgufError> {
    extents.sort_unstable_by_key(|extent| extent.2);
    if let Some([_, (.., name)]) = extents.array_windows().find(|[left, right]| left.2 == right.2) {
        return Err(failed(name, Fault::Duplicate));
    }
    extents.sort_unstable();
    match extents.array_windows().find(|[left, right]| left.1 > right.0) {
        Some([(.., left), (.., right)]) => Err(failed(right, Fault::Overlap((*left).to_owned()))),
        None => Ok(()),
    }
}

fn failed(tensor: &str, fault: Fault) -> GgufError {
    GgufError::ReadTensor { tensor: tensor.to_owned(), fault }
}
