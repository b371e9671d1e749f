//! Safetensors files (single or sharded): read tensor by tensor, written in one step.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use memmap2::Mmap;
use safetensors::{Dtype, SafeTensors, View};
use serde::Deserialize;
use unlearn_core::{FileError, file};

use super::Precision;
use crate::EngineError;
use crate::decoder::Packing;

/// Bytes before the header, which hold its length.
const LENGTH_BYTES: usize = 8;

/// The weight files of a checkpoint. Their headers were read; tensors are read when they are asked for, so that no
/// more of a file is in memory than one of them.
pub struct WeightFiles {
    files: Vec<(PathBuf, File)>,
    tensors: BTreeMap<String, Place>,
}

/// Where a tensor is.
struct Place {
    file: usize,
    /// Bytes from the file's start.
    offset: u64,
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: usize,
}

/// A tensor as it was stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// Its shape on disk.
    pub shape: Vec<usize>,
    /// The format in which it is saved again.
    pub precision: Precision,
    /// How it can be kept in memory without a loss.
    pub packing: Packing,
    /// Its values, in disk order.
    pub values: Vec<f32>,
}

#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

impl WeightFiles {
    /// Opens `model.safetensors`, or the shards that `model.safetensors.index.json` lists.
    ///
    /// # Errors
    /// When there is neither, a file is cut short or its header lies, or the index names what is not there.
    pub fn open(dir: &Path) -> Result<Self, EngineError> {
        let single = dir.join("model.safetensors");
        let index_path = dir.join("model.safetensors.index.json");
        if single.exists() {
            return Self::of(vec![single]);
        }
        if !index_path.exists() {
            let bin = std::fs::read_dir(dir).into_iter().flatten().flatten();
            let pickled = bin.into_iter().any(|e| e.path().extension().is_some_and(|x| x == "bin" || x == "pt"));
            let reason = match pickled {
                true => {
                    "its weights are PyTorch pickles, which can run code when read; save it with `safe_serialization=True`"
                }
                false => "it has neither `model.safetensors` nor `model.safetensors.index.json`",
            };
            return Err(EngineError::checkpoint(dir, reason));
        }
        let index: Index = file::read_json(&index_path)?;
        let names: BTreeSet<&String> = index.weight_map.values().collect();
        if let Some(outside) = names.iter().find(|n| Path::new(n).file_name() != Some(n.as_ref())) {
            return Err(EngineError::weights(&index_path, format!("it names a file outside the folder: `{outside}`")));
        }
        let files = Self::of(names.into_iter().map(|n| dir.join(n)).collect())?;
        match index.weight_map.keys().find(|name| !files.tensors.contains_key(*name)) {
            Some(name) => Err(EngineError::weights(&index_path, format!("it lists `{name}`, which no shard holds"))),
            None => Ok(files),
        }
    }

    /// Opens one file.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_file(path: &Path) -> Result<Self, EngineError> {
        Self::of(vec![path.to_owned()])
    }

    fn of(paths: Vec<PathBuf>) -> Result<Self, EngineError> {
        let mut files = Vec::new();
        let mut tensors = BTreeMap::new();
        for path in paths {
            // Mapped for its header: its length is checked against the file's, and no more of it is touched.
            let map = map_file(&path)?;
            let (header, metadata) = SafeTensors::read_metadata(&map).map_err(|e| EngineError::weights(&path, e))?;
            for (name, info) in metadata.tensors() {
                let (begin, end) = info.data_offsets;
                let place = Place {
                    file: files.len(),
                    offset: (LENGTH_BYTES + header + begin) as u64,
                    dtype: info.dtype,
                    shape: info.shape.clone(),
                    bytes: end - begin,
                };
                if tensors.insert(name.clone(), place).is_some() {
                    return Err(EngineError::weights(&path, format!("`{name}` is in two shards")));
                }
            }
            let file = File::open(&path).map_err(|e| FileError::read(&path, e))?;
            files.push((path, file));
        }
        Ok(Self { files, tensors })
    }

    /// Names of all tensors, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// The files.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().map(|(p, _)| p.as_path())
    }

    /// Bytes of a value of the matrices; the most where formats differ.
    pub(super) fn largest_width(&self) -> f64 {
        let matrices = self.tensors.values().filter(|place| place.shape.len() > 1);
        matrices.filter_map(|p| Precision::of_dtype(p.dtype)).map(Precision::bytes).max().unwrap_or(4) as f64
    }

    /// A tensor; `None` when there is no such tensor.
    ///
    /// # Errors
    /// When its format is no float format, or the file cannot be read.
    pub fn read(&self, name: &str) -> Result<Option<Stored>, EngineError> {
        let Some(place) = self.tensors.get(name) else { return Ok(None) };
        let (path, mut file) = (&self.files[place.file].0, &self.files[place.file].1);
        let precision = Precision::of_dtype(place.dtype).ok_or_else(|| {
            EngineError::weights(path, format!("`{name}` is stored as {:?}, not as a float", place.dtype))
        })?;
        let mut bytes = vec![0; place.bytes];
        let read = file.seek(SeekFrom::Start(place.offset)).and_then(|_| file.read_exact(&mut bytes));
        read.map_err(|e| FileError::read(path, e))?;
        let values = precision.decode(&bytes);
        Ok(Some(Stored { shape: place.shape.clone(), precision, packing: precision.packing(), values }))
    }
}

pub(crate) fn map_file(path: &Path) -> Result<Mmap, EngineError> {
    let handle = File::open(path).map_err(|e| FileError::read(path, e))?;
    let length = handle.metadata().map_err(|e| FileError::read(path, e))?.len();
    if length == 0 {
        return Err(EngineError::weights(path, "it is empty"));
    }
    mapped::map(&handle).map_err(|e| FileError::read(path, e).into())
}

/// The one place of this crate that needs `unsafe`: a mapped file must not be changed by others meanwhile.
#[allow(unsafe_code)]
mod mapped {
    use std::fs::File;
    use std::io;

    use memmap2::Mmap;

    pub(super) fn map(file: &File) -> io::Result<Mmap> {
        // SAFETY: the map is only read, and checkpoints are replaced by renaming, never written in place.
        unsafe { Mmap::map(file) }
    }
}

/// A tensor to be written. Its bytes are made when they are asked for, so that one tensor's copy exists at a time.
pub struct Entry<'a> {
    /// Its name.
    pub name: String,
    /// Its shape on disk.
    pub shape: Vec<usize>,
    /// Its format on disk.
    pub precision: Precision,
    /// Its values, in disk order.
    pub values: Box<dyn Fn() -> Vec<f32> + 'a>,
}

impl View for &Entry<'_> {
    fn dtype(&self) -> Dtype {
        self.precision.dtype()
    }
    fn shape(&self) -> &[usize] {
        &self.shape
    }
    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Owned(self.precision.encode(&(self.values)()))
    }
    fn data_len(&self) -> usize {
        self.shape.iter().product::<usize>() * self.precision.bytes()
    }
}

/// Writes tensors into one safetensors file, in one step.
///
/// # Errors
/// When the disk is full or the folder cannot be written; no half file is left.
pub fn write_tensors(path: &Path, entries: &[Entry<'_>]) -> Result<(), EngineError> {
    let part = path.with_extension("safetensors.part");
    let metadata = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    let views = entries.iter().map(|e| (e.name.as_str(), e));
    // The library makes a file that others cannot read: this one gets the permissions of the user's other files.
    let made = File::create(&part).and_then(|f| f.metadata()).map_err(|e| FileError::write(path, e))?;
    let written = safetensors::serialize_to_file(views, Some(metadata), &part).map_err(|e| match e {
        safetensors::SafeTensorError::IoError(e) => FileError::write(path, e).into(),
        other => EngineError::weights(path, other),
    });
    let finish = || -> std::io::Result<()> {
        std::fs::set_permissions(&part, made.permissions())?;
        File::open(&part)?.sync_all()?;
        std::fs::rename(&part, path)
    };
    written.and_then(|()| finish().map_err(|e| FileError::write(path, e).into())).inspect_err(|_: &EngineError| {
        let _ = std::fs::remove_file(&part);
    })
}
