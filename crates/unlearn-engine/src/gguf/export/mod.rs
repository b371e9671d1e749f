//! A Hugging Face model as a GGUF file: names, order and types of its tensors, its configuration and tokenizer as
//! metadata, in llama.cpp's conventions (those of its `convert_hf_to_gguf.py`).

mod keys;
mod rope;
mod settings;
mod tokenizer;
mod vocabulary;

use std::collections::HashSet;

use serde_json::Value;

use self::keys::Keys;
use self::settings::Settings;
use super::{Bias, Entries, Fault, GgufError, Names, NewTensor, Part, TensorKind, TokenizerFiles, arch};
use crate::DecoderConfig;
use crate::checkpoint::Entry;

/// The number that stands in a file for the type of most of its tensors (`llama_ftype` in llama.h); for blocks of 256,
/// that of the mixture which is nearest to one type everywhere (`_S`).
const FILE_TYPES: [(TensorKind, u32); 10] = [
    (TensorKind::F32, 0),
    (TensorKind::F16, 1),
    (TensorKind::Q4_0, 2),
    (TensorKind::Q4_1, 3),
    (TensorKind::Q8_0, 7),
    (TensorKind::Q5_0, 8),
    (TensorKind::Q5_1, 9),
    (TensorKind::Q4_K, 14),
    (TensorKind::Q5_K, 16),
    (TensorKind::BF16, 32),
];
/// What takes the place of blocks of 256 where these do not divide a row and blocks of 32 do: as in llama.cpp's
/// `llama-quantize`.
const SMALLER: [(TensorKind, TensorKind); 2] =
    [(TensorKind::Q4_K, TensorKind::Q5_0), (TensorKind::Q5_K, TensorKind::Q5_1)];
/// The layout of the quantised blocks, which has not changed since this version.
const QUANTISATION_VERSION: u32 = 2;

/// A model to be written with [`write`](super::write), and what the file does not hold of it.
pub struct Exported<'a> {
    /// The metadata, in order.
    pub metadata: Entries,
    /// The tensors, in the order of the model.
    pub tensors: Vec<NewTensor<'a>>,
    /// What a reader of the file should know, in sentences without a full stop.
    pub notes: Vec<String>,
}

/// Describes a model as a GGUF file whose matrices are of type `kind`. Vectors, and what llama.cpp reads only so, stay
/// 32-bit floats; a matrix whose rows are no whole number of blocks gets smaller blocks ([`TensorKind::Q5_0`] for
/// [`TensorKind::Q4_K`], [`TensorKind::Q5_1`] for [`TensorKind::Q5_K`]) or else 16-bit floats, with a note.
///
/// `config` is the `config.json` of the `decoder`, and `weights` have its names, their shapes as on disk.
///
/// # Errors
/// A family without an architecture in GGUF, a setting, weight or tokenizer without a counterpart there, a weight
/// that is missing.
pub fn export<'a>(
    name: &str,
    config: &Value,
    decoder: &DecoderConfig,
    tokenizer: Option<&TokenizerFiles>,
    weights: Vec<Entry<'a>>,
    kind: TensorKind,
) -> Result<Exported<'a>, GgufError> {
    let names = names_of(config)?;
    let mut notes = Vec::new();
    let mut keys = Keys::default();
    keys.set("general.architecture", names.architecture.into());
    keys.set("general.type", "model".into());
    keys.set("general.name", name.into());
    if let Some((_, number)) = FILE_TYPES.iter().find(|(known, _)| *known == kind) {
        keys.set("general.file_type", (*number).into());
    }
    if kind.values_per_block() > 1 {
        keys.set("general.quantization_version", QUANTISATION_VERSION.into());
    }
    Settings { decoder, config, architecture: names.architecture, keys: &mut keys }.describe()?;
    match tokenizer {
        Some(files) => tokenizer::describe(files, config, decoder.vocab_size, &mut keys, &mut notes)?,
        None => keys.set("tokenizer.ggml.model", "none".into()),
    }
    let mut tensors = place(names, decoder, weights, kind)?;
    for (name, values) in rope::tensors(decoder) {
        if !names.computed.contains(&name) {
            let why = format!("`{}` in GGUF has no such scaling of positions", names.architecture);
            return Err(refused_config("rope_type", Fault::Conflict(why)));
        }
        let shape = vec![values.len()];
        let values = Box::new(move || values.clone());
        tensors.push(NewTensor { name: name.to_owned(), shape, kind: TensorKind::F32, values });
    }
    notes.extend(fallbacks(&tensors, kind));
    Ok(Exported { metadata: keys.into_entries(), tensors, notes })
}

/// The metadata of a tokenizer alone, for an embedding of so many rows, and the notes.
#[cfg(test)]
pub(super) fn export_tokenizer(files: &TokenizerFiles, rows: usize) -> Result<(Entries, Vec<String>), GgufError> {
    let (mut keys, mut notes) = (Keys::default(), Vec::new());
    tokenizer::describe(files, &Value::Null, rows, &mut keys, &mut notes)?;
    Ok((keys.into_entries(), notes))
}

fn names_of(config: &Value) -> Result<&'static Names, GgufError> {
    let family = config["model_type"].as_str().unwrap_or_default();
    let known = || arch::all().flat_map(|names| names.model_types).map(|t| format!("`{t}`")).collect::<Vec<_>>();
    let unsupported = || Fault::Unsupported { found: family.to_owned(), known: known().join(", ") };
    Names::of_model_type(family).ok_or_else(|| refused_config("model_type", unsupported()))
}

/// The weights under their names in the file and in its form, none missing.
fn place<'a>(
    names: &Names,
    decoder: &DecoderConfig,
    weights: Vec<Entry<'a>>,
    kind: TensorKind,
) -> Result<Vec<NewTensor<'a>>, GgufError> {
    let head_dim = decoder.head_dim;
    let tensor = |Entry { name, shape, values, .. }: Entry<'a>| {
        let unplaced = || Fault::Conflict(format!("no tensor of `{}` in GGUF is its counterpart", names.architecture));
        let failed = |fault| GgufError::WriteTensor { tensor: name.clone(), fault };
        let place = names.in_file(&name).ok_or_else(|| failed(unplaced()))?;
        let (form, in_file) = (place.form, place.form.shape(&shape));
        let kind = kind_of(&place.file, &in_file, kind);
        let values = Box::new(move || form.to_file(&shape, head_dim, values()));
        Ok(NewTensor { name: place.file, shape: in_file, kind, values })
    };
    let tensors = weights.into_iter().map(tensor).collect::<Result<Vec<_>, GgufError>>()?;
    let written: HashSet<&str> = tensors.iter().map(|tensor| tensor.name.as_str()).collect();
    let layers = (0..decoder.layers.len()).flat_map(|layer| names.layer.iter().map(move |part| (part, Some(layer))));
    let parts = names.outside.iter().map(|part| (part, None)).chain(layers).filter(|(part, _)| !part.optional);
    let fields = |(part, layer): (&'static Part, Option<usize>)| {
        let biases = [false, true].into_iter().filter(|is_bias| !is_bias || part.bias == Bias::Yes);
        biases.map(|is_bias| names.at(part, layer, is_bias)).collect::<Vec<_>>()
    };
    match parts.flat_map(fields).find(|place| !written.contains(place.file.as_str())) {
        Some(place) => Err(GgufError::WriteTensor { tensor: place.model, fault: Fault::Missing }),
        None => Ok(tensors),
    }
}

/// The type that a tensor gets, by the rules of llama.cpp's converter.
fn kind_of(name: &str, shape: &[usize], wanted: TensorKind) -> TensorKind {
    let is_matrix = shape.len() > 1 && name.ends_with(".weight");
    if !is_matrix || name.ends_with("_norm.weight") || name == "position_embd.weight" {
        return TensorKind::F32;
    }
    let row = shape.last().copied().unwrap_or_default();
    let smaller = SMALLER.iter().find(|(kind, _)| *kind == wanted).map(|(_, smaller)| *smaller);
    let fitting =
        [Some(wanted), smaller].into_iter().flatten().find(|kind| row.is_multiple_of(kind.values_per_block()));
    fitting.unwrap_or(TensorKind::F16)
}

/// A sentence for each type that tensors got instead of the one that was wanted.
fn fallbacks(tensors: &[NewTensor<'_>], wanted: TensorKind) -> Vec<String> {
    let block = wanted.values_per_block();
    let note = |kind: TensorKind| {
        let mut fallen = tensors.iter().filter(|t| t.kind == kind);
        let first = fallen.next()?;
        let (count, row) = (1 + fallen.count(), first.shape.last().copied().unwrap_or_default());
        Some(format!(
            "{count} tensors are stored as {}, `{}` the first: rows of {row} values are no whole number of {} blocks of {block}",
            kind.name(),
            first.name,
            wanted.name(),
        ))
    };
    let others = TensorKind::writable().filter(|kind| block > 1 && ![wanted, TensorKind::F32].contains(kind));
    others.filter_map(note).collect()
}

fn refused_config(field: &str, fault: Fault) -> GgufError {
    GgufError::ExportConfig { field: field.to_owned(), fault }
}

fn refused_tokenizer(field: &str, fault: Fault) -> GgufError {
    GgufError::ExportTokenizer { field: field.to_owned(), fault }
}
