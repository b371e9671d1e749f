//! Numbers by row, in memory or in a file.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use unlearn_core::FileError;

use crate::EngineError;

/// A vector for each row, by its place. A file holds nothing but the values, little-endian float32, row after row; its
/// name says what they are of, and a file that is not exactly as long as it has to be is not used.
#[derive(Debug, Clone)]
pub(super) struct Store {
    /// Where each row begins, in values; one entry more than rows.
    begin: Vec<usize>,
    place: Place,
}

#[derive(Debug, Clone)]
enum Place {
    Memory(Arc<Vec<f32>>),
    File(Arc<Mutex<File>>, PathBuf),
}

/// A store that is being filled.
pub(super) struct Filling {
    begin: Vec<usize>,
    target: Target,
}

enum Target {
    Memory(Vec<f32>),
    File { file: File, part: PathBuf, path: PathBuf },
}

fn begin_of(lengths: &[usize]) -> Vec<usize> {
    let mut at = 0;
    std::iter::once(0)
        .chain(lengths.iter().map(|n| {
            at += n;
            at
        }))
        .collect()
}

impl Store {
    /// The store in the file at `path`, if there is a whole one.
    pub(super) fn open(path: &Path, lengths: &[usize]) -> Option<Self> {
        let begin = begin_of(lengths);
        let values = begin.last().copied().unwrap_or(0);
        let file = File::open(path).ok()?;
        let whole = file.metadata().is_ok_and(|m| m.len() == 4 * values as u64);
        whole.then(|| Self { begin, place: Place::File(Arc::new(Mutex::new(file)), path.to_owned()) })
    }

    /// The values of some rows, one after the other.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn rows(&self, rows: &[usize]) -> Result<Vec<f32>, EngineError> {
        let mut all = Vec::new();
        for &row in rows {
            let (from, end) = (self.begin[row], self.begin[row + 1]);
            match &self.place {
                Place::Memory(values) => all.extend_from_slice(&values[from..end]),
                Place::File(file, path) => {
                    let mut bytes = vec![0; 4 * (end - from)];
                    let mut file = file.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                    let read = file.seek(SeekFrom::Start(4 * from as u64)).and_then(|_| file.read_exact(&mut bytes));
                    read.map_err(|e| FileError::read(path, e))?;
                    all.extend(bytes.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)));
                }
            }
        }
        Ok(all)
    }
}

impl Filling {
    /// In memory.
    pub(super) fn memory(lengths: &[usize]) -> Self {
        let begin = begin_of(lengths);
        let values = begin.last().copied().unwrap_or(0);
        Self { begin, target: Target::Memory(vec![0.0; values]) }
    }

    /// In a file, which appears at `path` when it is whole.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn file(path: &Path, lengths: &[usize]) -> Result<Self, EngineError> {
        let begin = begin_of(lengths);
        let bytes = 4 * begin.last().copied().unwrap_or(0) as u64;
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let part = path.with_file_name(format!(".{name}.part"));
        let create = || -> std::io::Result<File> {
            let file = File::create(&part)?;
            file.set_len(bytes)?;
            Ok(file)
        };
        let file = create().map_err(|e| FileError::write(path, e))?;
        Ok(Self { begin, target: Target::File { file, part, path: path.to_owned() } })
    }

    /// Puts a row's values in place.
    ///
    /// # Errors
    /// When they cannot be written.
    pub(super) fn put(&mut self, row: usize, values: &[f32]) -> Result<(), EngineError> {
        let from = self.begin[row];
        match &mut self.target {
            Target::Memory(all) => all[from..from + values.len()].copy_from_slice(values),
            Target::File { file, path, .. } => {
                let bytes: Vec<u8> = values.iter().flat_map(|x| x.to_le_bytes()).collect();
                let written = file.seek(SeekFrom::Start(4 * from as u64)).and_then(|_| file.write_all(&bytes));
                written.map_err(|e| FileError::write(path, e))?;
            }
        }
        Ok(())
    }

    /// Every row is there.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(super) fn finish(self) -> Result<Store, EngineError> {
        let place = match self.target {
            Target::Memory(values) => Place::Memory(Arc::new(values)),
            Target::File { file, part, path } => {
                let finish = || -> std::io::Result<File> {
                    file.sync_all()?;
                    drop(file);
                    fs::rename(&part, &path)?;
                    File::open(&path)
                };
                let file = finish().map_err(|e| FileError::write(&path, e))?;
                Place::File(Arc::new(Mutex::new(file)), path)
            }
        };
        Ok(Store { begin: self.begin, place })
    }
}
