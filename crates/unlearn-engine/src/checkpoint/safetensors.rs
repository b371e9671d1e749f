//! Safetensors files: read by memory map (single or sharded), written in one step.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::path::{Path, PathBuf};

use memmap2::Mmap;
use safetensors::{Dtype, SafeTensors, View};
use serde::Deserialize;
use unlearn_core::{FileError, file};

use super::Precision;
use crate::EngineError;
use crate::decoder::Packing;

/// The weight files of a checkpoint, mapped into memory.
pub struct WeightFiles {
    files: Vec<(PathBuf, Mmap)>,
    /// Tensor name to the file that holds it.
    place: BTreeMap<String, usize>,
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
    /// Maps `model.safetensors`, or the shards that `model.safetensors.index.json` lists.
    ///
    /// # Errors
    /// When there is neither, a file is cut short or its header lies, or the index names what is not there.
    pub fn open(dir: &Path) -> Result<Self, EngineError> {
        let single = dir.join("model.safetensors");
        let index_path = dir.join("model.safetensors.index.json");
        if single.exists() {
            return Self::map(vec![single]);
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
        let files = Self::map(names.into_iter().map(|n| dir.join(n)).collect())?;
        match index.weight_map.keys().find(|name| !files.place.contains_key(*name)) {
            Some(name) => Err(EngineError::weights(&index_path, format!("it lists `{name}`, which no shard holds"))),
            None => Ok(files),
        }
    }

    /// Maps one file.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_file(path: &Path) -> Result<Self, EngineError> {
        Self::map(vec![path.to_owned()])
    }

    fn map(paths: Vec<PathBuf>) -> Result<Self, EngineError> {
        let mut files = Vec::new();
        let mut place = BTreeMap::new();
        for path in paths {
            let map = map_file(&path)?;
            let tensors = SafeTensors::deserialize(&map).map_err(|e| EngineError::weights(&path, e))?;
            for name in tensors.names() {
                if place.insert(name.to_owned(), files.len()).is_some() {
                    return Err(EngineError::weights(&path, format!("`{name}` is in two shards")));
                }
            }
            files.push((path, map));
        }
        Ok(Self { files, place })
    }

    /// Names of all tensors, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.place.keys().map(String::as_str)
    }

    /// Files that were mapped.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().map(|(p, _)| p.as_path())
    }

    /// Bytes of a value of the matrices; the most where formats differ.
    pub(super) fn largest_width(&self) -> f64 {
        let of_file = |(_, map): &(PathBuf, Mmap)| -> usize {
            let Ok(tensors) = SafeTensors::deserialize(map) else { return 4 };
            let matrices = tensors.iter().filter(|(_, view)| view.shape().len() > 1);
            matrices.filter_map(|(_, view)| Precision::of_dtype(view.dtype())).map(Precision::bytes).max().unwrap_or(2)
        };
        self.files.iter().map(of_file).max().unwrap_or(4) as f64
    }

    /// A tensor; `None` when there is no such tensor.
    ///
    /// # Errors
    /// When its format is no float format.
    pub fn read(&self, name: &str) -> Result<Option<Stored>, EngineError> {
        let Some(&at) = self.place.get(name) else { return Ok(None) };
        let (path, map) = &self.files[at];
        let tensors = SafeTensors::deserialize(map).map_err(|e| EngineError::weights(path, e))?;
        let view = tensors.tensor(name).map_err(|e| EngineError::weights(path, e))?;
        let precision = Precision::of_dtype(view.dtype()).ok_or_else(|| {
            EngineError::weights(path, format!("`{name}` is stored as {:?}, not as a float", view.dtype()))
        })?;
        let values = precision.decode(view.data());
        Ok(Some(Stored { shape: view.shape().to_vec(), precision, packing: precision.packing(), values }))
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
