//! The tensors of a checkpoint, whatever its form.

use std::collections::HashSet;
use std::path::Path;

use super::{Precision, Stored, WeightFiles, map_file};
use crate::adapter::peft;
use crate::decoder::Packing;
use crate::gguf::{Checkpoint, TensorKind};
use crate::{Decoder, EngineError};

/// Tensors of a folder or of a GGUF file.
pub enum Tensors<'a> {
    /// Of safetensors files.
    Folder(WeightFiles),
    /// Of a GGUF file, and the format in which they are to be saved.
    Gguf(Checkpoint<'a>, Precision),
}

/// What checkpoints hold besides the parameters: old ones store rotary frequencies and causal masks.
const HARMLESS: &[&str] =
    &[".rotary_emb.inv_freq", ".attn.bias", ".attn.masked_bias", ".attention.bias", ".attention.masked_bias"];

impl<'a> Tensors<'a> {
    /// Those of a folder.
    ///
    /// # Errors
    /// As [`WeightFiles::open`].
    pub fn folder(path: &Path) -> Result<Self, EngineError> {
        Ok(Self::Folder(WeightFiles::open(path)?))
    }

    /// Those of a GGUF file.
    #[must_use]
    pub fn gguf(file: Checkpoint<'a>) -> Self {
        Self::Gguf(file, Precision::F32)
    }

    fn names(&self) -> Vec<&str> {
        match self {
            Self::Folder(files) => files.names().collect(),
            Self::Gguf(file, _) => file.weights.iter().map(|w| w.name.as_str()).collect(),
        }
    }

    /// A tensor; `None` when there is no such tensor.
    ///
    /// # Errors
    /// When its format is no float format.
    pub fn read(&self, name: &str) -> Result<Option<Stored>, EngineError> {
        match self {
            Self::Folder(files) => files.read(name),
            Self::Gguf(file, precision) => {
                let weight = file.weights.iter().find(|w| w.name == name);
                Ok(weight.map(|w| {
                    let packing = match w.kind() {
                        TensorKind::F16 => Packing::F16,
                        TensorKind::BF16 => Packing::Bf16,
                        _ => Packing::F32,
                    };
                    Stored { shape: w.shape().to_vec(), precision: *precision, packing, values: w.to_f32() }
                }))
            }
        }
    }

    /// A tensor's bytes, where it is stored in that format.
    pub(crate) fn bytes(&self, name: &str, precision: Precision) -> Option<Vec<u8>> {
        let Self::Folder(files) = self else { return None };
        let (format, bytes) = files.bytes(name).ok().flatten()?;
        (format == precision).then_some(bytes)
    }

    /// What each of the decoder's parameters is called here.
    ///
    /// # Errors
    /// When tensors are missing, or there are some that the decoder has no use for.
    pub(crate) fn names_of(&self, decoder: &Decoder, path: &Path) -> Result<Vec<String>, EngineError> {
        let (names, there) = (decoder.config().names, self.names());
        // Checkpoints of the bare model lack the names' first part; GPT-2 was published so.
        let bare = !there.iter().any(|n| n.starts_with(names.prefix()));
        let stored = |name: &str| match name.strip_prefix(names.prefix()) {
            Some(rest) if bare => rest.to_owned(),
            _ => name.to_owned(),
        };
        let wanted: Vec<String> = decoder.specs().iter().map(|s| stored(&s.name)).collect();
        let known: HashSet<&str> = wanted.iter().map(String::as_str).collect();
        // A tied head is sometimes stored a second time.
        let head = format!("{}.weight", names.head);
        let harmless = |name: &str| name == head || HARMLESS.iter().any(|end| name.ends_with(end));
        let extra: Vec<&str> = there.iter().copied().filter(|n| !known.contains(n) && !harmless(n)).collect();
        if !extra.is_empty() {
            let reason = format!("it holds tensors that its configuration does not need: {}", list(&extra));
            return Err(EngineError::checkpoint(path, reason));
        }
        let there: HashSet<&str> = there.into_iter().collect();
        let missing: Vec<&str> = wanted.iter().map(String::as_str).filter(|n| !there.contains(n)).collect();
        if !missing.is_empty() {
            return Err(EngineError::checkpoint(path, format!("tensors are missing: {}", list(&missing))));
        }
        Ok(wanted)
    }
}

fn list(names: &[&str]) -> String {
    let shown = names.iter().take(5).map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ");
    if names.len() > 5 { format!("{shown} and {} more", names.len() - 5) } else { shown }
}

/// Bytes that a value of the checkpoint's matrices takes in memory when it is kept without a loss.
///
/// # Errors
/// When it cannot be read.
pub fn bytes_per_value(path: &Path) -> Result<f64, EngineError> {
    if path.is_file() {
        let map = map_file(path)?;
        let file = Checkpoint::parse(&map).map_err(|source| EngineError::Gguf { path: path.to_owned(), source })?;
        let half = |k| matches!(k, TensorKind::F16 | TensorKind::BF16);
        return Ok(if file.weights.iter().any(|w| w.shape().len() > 1 && !half(w.kind())) { 4.0 } else { 2.0 });
    }
    if peft::base_of(path)?.is_some() {
        return Ok(4.0);
    }
    Ok(WeightFiles::open(path)?.largest_width())
}
