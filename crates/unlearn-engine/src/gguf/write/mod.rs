//! Writing a GGUF file: version 3, little-endian, one tensor in memory at a time.

mod value;

use std::collections::HashSet;
use std::io::{self, Write};
use std::path::Path;

use unlearn_core::file;

pub use self::value::OwnedValue;
use self::value::write_text;
use super::{Fault, GgufError, TensorKind};
use crate::EngineError;

const VERSION: u32 = 3;
/// Where the data of each tensor begins, in bytes from the start of the data section: at a multiple of this.
const ALIGNMENT: u64 = 32;
const ALIGNMENT_KEY: &str = "general.alignment";
const MOST_DIMENSIONS: usize = 4;
const LONGEST_KEY: usize = u16::MAX as usize;
/// llama.cpp keeps a tensor's name in 64 bytes, with a zero at the end.
const LONGEST_NAME: usize = 63;

/// Metadata to be written: keys and values, in order.
pub type Entries = Vec<(String, OwnedValue)>;

/// A tensor to be written. Its values are made when they are asked for.
pub struct NewTensor<'a> {
    /// The name in the file.
    pub name: String,
    /// The dimensions, the one whose values lie side by side last (the file has them reversed).
    pub shape: Vec<usize>,
    /// How the values are stored.
    pub kind: TensorKind,
    /// The values, row-major, as many as the product of the shape.
    pub values: Box<dyn Fn() -> Vec<f32> + 'a>,
}

impl NewTensor<'_> {
    fn row(&self) -> usize {
        self.shape.last().copied().unwrap_or_default()
    }

    /// Bytes that it takes in the file, without the padding.
    fn size(&self) -> u64 {
        let values: usize = self.shape.iter().product();
        (values / self.kind.values_per_block() * self.kind.bytes_per_block()) as u64
    }

    fn check(&self) -> Result<(), Fault> {
        check_name(&self.name, LONGEST_NAME)?;
        let dimensions = self.shape.len();
        if !(1..=MOST_DIMENSIONS).contains(&dimensions) {
            return Err(Fault::Dimensions(dimensions as u32));
        }
        if self.shape.contains(&0) {
            return Err(Fault::ImpossibleShape(self.shape.iter().map(|&size| size as u64).collect()));
        }
        // No value is encoded yet: this asks whether rows of this width can be.
        self.kind.encode(&[], self.row()).map(drop)
    }

    fn encode(&self) -> Result<Vec<u8>, Fault> {
        let values = (self.values)();
        if values.len() != self.shape.iter().product::<usize>() {
            let expected = format!("{} values", values.len());
            return Err(Fault::Shape { found: self.shape.clone(), expected });
        }
        let bytes = self.kind.encode(&values, self.row())?;
        let stored = self.kind.decode(&bytes);
        let in_blocks = self.kind.values_per_block() > 1;
        let is_lost = |(value, stored): &(&f32, &f32)| match value.is_finite() {
            true => !stored.is_finite(),
            false => in_blocks || stored.is_finite(),
        };
        // One value makes its whole block unreadable: the largest of them, or what is no number.
        let lost = values.iter().zip(&stored).filter(is_lost).map(|(value, _)| value);
        match lost.max_by(|a, b| a.abs().total_cmp(&b.abs())) {
            Some(value) => Err(Fault::Range { value: value.to_string(), kind: self.kind.name() }),
            None => Ok(bytes),
        }
    }
}

/// Writes a file in one step, its metadata and tensors in the given order.
///
/// # Errors
/// A key or name that is empty, too long or there twice, a value or shape that the format does not hold, a tensor whose
/// type does not hold its values; or that the file cannot be written. An old file is then untouched, and no half file
/// is left.
pub fn write(path: &Path, metadata: &[(String, OwnedValue)], tensors: &[NewTensor<'_>]) -> Result<(), EngineError> {
    let named = |source| EngineError::WriteGguf { path: path.to_owned(), source };
    check(metadata, tensors).map_err(named)?;
    let mut refused = None;
    let written = file::write_atomic(path, |out| {
        write_head(out, metadata, tensors)?;
        for tensor in tensors {
            let bytes = tensor.encode().map_err(|fault| {
                refused = Some(GgufError::WriteTensor { tensor: tensor.name.clone(), fault });
                io::Error::from(io::ErrorKind::InvalidData)
            })?;
            out.write_all(&bytes)?;
            pad(out, bytes.len() as u64)?;
        }
        Ok(())
    });
    match refused {
        Some(source) => Err(named(source)),
        None => Ok(written?),
    }
}

fn write_head(out: &mut dyn Write, metadata: &[(String, OwnedValue)], tensors: &[NewTensor<'_>]) -> io::Result<()> {
    let mut head = b"GGUF".to_vec();
    head.extend(VERSION.to_le_bytes());
    head.extend((tensors.len() as u64).to_le_bytes());
    head.extend((metadata.len() as u64).to_le_bytes());
    for (key, value) in metadata {
        write_text(key, &mut head)?;
        value.write(&mut head)?;
    }
    let mut offset = 0;
    for tensor in tensors {
        write_text(&tensor.name, &mut head)?;
        head.extend((tensor.shape.len() as u32).to_le_bytes());
        head.extend(tensor.shape.iter().rev().flat_map(|&size| (size as u64).to_le_bytes()));
        head.extend(tensor.kind.number().to_le_bytes());
        head.extend(u64::to_le_bytes(offset));
        offset += tensor.size().next_multiple_of(ALIGNMENT);
    }
    out.write_all(&head)?;
    pad(out, head.len() as u64)
}

/// Fills up with zeros to the alignment, after this many bytes.
fn pad(out: &mut dyn Write, written: u64) -> io::Result<()> {
    let missing = written.next_multiple_of(ALIGNMENT) - written;
    out.write_all(&[0; ALIGNMENT as usize][..missing as usize])
}

fn check(metadata: &[(String, OwnedValue)], tensors: &[NewTensor<'_>]) -> Result<(), GgufError> {
    let mut seen = HashSet::new();
    for (key, value) in metadata {
        let checked = check_name(key, LONGEST_KEY).and_then(|()| {
            let ours = || Fault::Conflict("the writer decides on the alignment".to_owned());
            let free = if key == ALIGNMENT_KEY { Err(ours()) } else { Ok(()) };
            free.and(if seen.insert(key) { value.check(0) } else { Err(Fault::Duplicate) })
        });
        checked.map_err(|fault| GgufError::WriteMetadata { key: key.clone(), fault })?;
    }
    let mut seen = HashSet::new();
    for tensor in tensors {
        let checked = if seen.insert(&tensor.name) { tensor.check() } else { Err(Fault::Duplicate) };
        checked.map_err(|fault| GgufError::WriteTensor { tensor: tensor.name.clone(), fault })?;
    }
    Ok(())
}

fn check_name(name: &str, limit: usize) -> Result<(), Fault> {
    if (1..=limit).contains(&name.len()) { Ok(()) } else { Err(Fault::NameLength { length: name.len(), limit }) }
}
