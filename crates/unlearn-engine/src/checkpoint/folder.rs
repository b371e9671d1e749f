//! The files around the weights, and writing a checkpoint as a folder in one step.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

use serde_json::{Map, Value};
use unlearn_core::{FileError, file};

use super::{Entry, Precision, WeightFiles, write_tensors};
use crate::EngineError;
use crate::adapter::peft;
use crate::gguf::TokenizerFiles;

/// What lists the shards of several weight files.
const INDEX: &str = "model.safetensors.index.json";

/// What a checkpoint holds besides its weights.
#[derive(Debug, Clone, Default)]
pub struct Source {
    /// `config.json`, as it was read.
    pub config: Value,
    /// Content of the other files, by name.
    pub companions: BTreeMap<String, Vec<u8>>,
    /// The format of each tensor on disk, by name.
    pub precision: BTreeMap<String, Precision>,
    /// Whether any weight was stored in quantised blocks, whose values its format in `precision` only holds.
    pub quantised: bool,
}

impl Source {
    /// Reads everything but the weights.
    ///
    /// # Errors
    /// When the folder is no checkpoint.
    pub fn read(dir: &Path) -> Result<Self, EngineError> {
        if !dir.is_dir() {
            let reason = if dir.exists() { "it is a file" } else { "there is nothing there" };
            return Err(EngineError::checkpoint(dir, reason));
        }
        if !dir.join("config.json").exists() {
            return Err(EngineError::checkpoint(dir, "it has no `config.json`"));
        }
        let config = file::read_json(&dir.join("config.json"))?;
        let mut companions = BTreeMap::new();
        for name in file::COMPANIONS {
            let path = dir.join(name);
            if path.exists() {
                companions.insert((*name).to_owned(), fs::read(&path).map_err(|e| FileError::read(&path, e))?);
            }
        }
        Ok(Self { config, companions, ..Self::default() })
    }

    /// The format of a tensor: its own, or the one that most have.
    #[must_use]
    pub fn precision_of(&self, name: &str) -> Precision {
        let common = || self.precision.values().next().copied().unwrap_or(Precision::F32);
        self.precision.get(name).copied().unwrap_or_else(common)
    }

    /// The tokenizer's files as JSON, with the chat template among them; `None` where there is no `tokenizer.json`.
    ///
    /// # Errors
    /// When one of them is no JSON; `path` is the checkpoint's.
    pub fn tokenizer_files(&self, path: &Path) -> Result<Option<TokenizerFiles>, EngineError> {
        let json = |name: &str| -> Result<Option<Value>, EngineError> {
            let Some(content) = self.companions.get(name) else { return Ok(None) };
            let value = serde_json::from_slice(content).map_err(|e| FileError::invalid(&path.join(name), e))?;
            Ok(Some(value))
        };
        let Some(tokenizer) = json("tokenizer.json")? else { return Ok(None) };
        let mut tokenizer_config = json("tokenizer_config.json")?.unwrap_or_else(|| Value::Object(Map::new()));
        if let (Some(template), Some(config)) =
            (self.companions.get("chat_template.jinja"), tokenizer_config.as_object_mut())
        {
            config.insert("chat_template".into(), String::from_utf8_lossy(template).into());
        }
        Ok(Some(TokenizerFiles { tokenizer, tokenizer_config }))
    }

    /// Sets one format for all tensors, in `config.json` too.
    pub fn set_precision(&mut self, precision: Precision) {
        for p in self.precision.values_mut() {
            *p = precision;
        }
        if let Some(config) = self.config.as_object_mut() {
            config.remove("torch_dtype");
            config.insert("dtype".into(), precision.torch_name().into());
        }
    }
}

/// Digest of a checkpoint's weights: of the file where there is one, as `sha256sum` prints it; of several, the digest
/// of their names and digests; of an adapter folder, that of its weights and of the base that it names.
///
/// # Errors
/// When a file cannot be read.
pub fn digest(path: &Path) -> Result<String, EngineError> {
    if path.is_file() {
        return Ok(unlearn_core::digest::of_file(path)?);
    }
    if let Some(base) = peft::base_of(path)? {
        let mut hasher = unlearn_core::digest::Hasher::default();
        hasher.field(unlearn_core::digest::of_file(&path.join(peft::TENSORS))?.as_bytes());
        hasher.field(digest(&base)?.as_bytes());
        return Ok(hasher.hex());
    }
    let files = WeightFiles::open(path)?;
    let mut digests = Vec::new();
    for file in files.paths() {
        digests.push((file.file_name().unwrap_or_default().to_os_string(), unlearn_core::digest::of_file(file)?));
    }
    if let [(_, single)] = digests.as_slice() {
        return Ok(single.clone());
    }
    let mut hasher = unlearn_core::digest::Hasher::default();
    for (name, digest) in digests {
        hasher.field(name.as_encoded_bytes());
        hasher.field(digest.as_bytes());
    }
    Ok(hasher.hex())
}

/// Digest of the files around the weights: configuration, tokenizer, template. `None` for a single file, whose own
/// digest covers them.
///
/// # Errors
/// When a file cannot be read.
pub fn companions_digest(path: &Path) -> Result<Option<String>, EngineError> {
    if path.is_file() {
        return Ok(None);
    }
    if let Some(base) = peft::base_of(path)? {
        let mut hasher = unlearn_core::digest::Hasher::default();
        hasher.field(file::read_text(&path.join(peft::CONFIG))?.as_bytes());
        hasher.field(companions_digest(&base)?.unwrap_or_default().as_bytes());
        return Ok(Some(hasher.hex()));
    }
    let source = Source::read(path)?;
    let mut hasher = unlearn_core::digest::Hasher::default();
    hasher.field(source.config.to_string().as_bytes());
    for (name, content) in &source.companions {
        hasher.field(name.as_bytes());
        hasher.field(content);
    }
    Ok(Some(hasher.hex()))
}

/// Writes a checkpoint folder, so that no half checkpoint is ever seen.
///
/// # Errors
/// When the disk is full or the folder cannot be written; the old folder, if there was one, is then untouched.
pub fn write_folder(dir: &Path, source: &Source, entries: &[Entry<'_>]) -> Result<(), EngineError> {
    write_neighbour(dir, |part| fill_folder(part, source, entries))
}

/// Writes a checkpoint's files into a folder.
pub(crate) fn fill_folder(dir: &Path, source: &Source, entries: &[Entry<'_>]) -> Result<(), EngineError> {
    file::write_json(&dir.join("config.json"), &source.config)?;
    for (name, content) in &source.companions {
        file::write_bytes(&dir.join(name), content)?;
    }
    write_tensors(&dir.join("model.safetensors"), entries)
}

/// Copies a checkpoint folder file by file, with another file among those around the weights.
///
/// # Errors
/// As [`write_folder`]; when a file cannot be read.
pub(crate) fn copy_folder(base: &Path, dir: &Path, (name, content): (&str, &[u8])) -> Result<(), EngineError> {
    let (source, weights) = (Source::read(base)?, WeightFiles::open(base)?);
    let around = ["config.json", INDEX].into_iter().chain(source.companions.keys().map(String::as_str));
    let around = around.filter(|other| *other != name).map(|other| base.join(other)).filter(|path| path.exists());
    let files: Vec<PathBuf> = around.chain(weights.paths().map(Path::to_owned)).collect();
    write_neighbour(dir, |part| {
        for from in &files {
            let to = part.join(from.file_name().unwrap_or_default());
            let mut input = fs::File::open(from).map_err(|e| FileError::read(from, e))?;
            file::write_atomic(&to, |output| io::copy(&mut input, output).map(|_| ()))?;
        }
        Ok(file::write_bytes(&part.join(name), content)?)
    })
}

/// Writes a folder: into a neighbour first, then renamed.
///
/// # Errors
/// When the disk is full or the folder cannot be written; the old folder, if there was one, is then untouched.
pub(crate) fn write_neighbour(
    dir: &Path,
    fill: impl FnOnce(&Path) -> Result<(), EngineError>,
) -> Result<(), EngineError> {
    let name = dir.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let part = dir.with_file_name(format!(".{name}.part"));
    let _ = fs::remove_dir_all(&part);
    let attempt = || -> Result<(), EngineError> {
        file::create_dir(&part)?;
        fill(&part)?;
        if dir.exists() {
            fs::remove_dir_all(dir).map_err(|e| FileError::write(dir, e))?;
        }
        fs::rename(&part, dir).map_err(|e| FileError::write(dir, e).into())
    };
    attempt().inspect_err(|_| {
        let _ = fs::remove_dir_all(&part);
    })
}
