//! A language model: decoder, weights, tokenizer and the files around them.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use unlearn_core::recipe::ChatSection;
use unlearn_data::{ChatTemplate, Encoder, Tokenizer};

use crate::checkpoint::{Entry, Precision, Source, Stored, WeightFiles, map_file, write_folder};
use crate::gguf::{self, Checkpoint, TensorKind};
use crate::{Decoder, DecoderConfig, EngineError, Parameters, families};

/// A model that was read from a checkpoint, or made.
#[derive(Debug, Clone)]
pub struct LanguageModel {
    /// Where it was read from.
    pub path: PathBuf,
    /// Which parameter is used where.
    pub decoder: Decoder,
    /// Its weights.
    pub parameters: Parameters,
    /// Its tokenizer, if it has one.
    pub tokenizer: Option<Tokenizer>,
    /// Its chat template, if it has one.
    pub template: Option<ChatTemplate>,
    /// The files around the weights.
    pub source: Source,
}

impl LanguageModel {
    /// Reads a Hugging Face folder or a GGUF file.
    ///
    /// # Errors
    /// When it is no checkpoint of a known family, a tensor is missing, superfluous or of the wrong shape, or the
    /// tokenizer does not fit.
    pub fn read(path: &Path, device: &Device) -> Result<Self, EngineError> {
        if path.is_file() {
            return Self::read_gguf(path, device);
        }
        let mut source = Source::read(path)?;
        let config = families::decoder_config(&source.config, &path.join("config.json"))?;
        let decoder = Decoder::new(config);
        let files = WeightFiles::open(path)?;
        let names: Vec<&str> = files.names().collect();
        let values = read_values(&decoder, &names, |name| files.read(name), &mut source, path)?;
        let parameters = Parameters::new(decoder.specs().to_vec(), values, device);
        let tokenizer = Tokenizer::of_folder(path)?;
        let template = ChatTemplate::of_folder(path)?;
        Self { path: path.to_owned(), decoder, parameters, tokenizer, template, source }.checked()
    }

    /// Reads a checkpoint's configuration alone.
    ///
    /// # Errors
    /// When it is no checkpoint of a known family.
    pub fn read_config(path: &Path) -> Result<DecoderConfig, EngineError> {
        if path.is_file() {
            let map = map_file(path)?;
            let file = Checkpoint::parse(&map).map_err(|source| EngineError::Gguf { path: path.to_owned(), source })?;
            return families::decoder_config(&file.config, path);
        }
        families::decoder_config(&Source::read(path)?.config, &path.join("config.json"))
    }

    fn read_gguf(path: &Path, device: &Device) -> Result<Self, EngineError> {
        let map = map_file(path)?;
        let file = Checkpoint::parse(&map).map_err(|source| EngineError::Gguf { path: path.to_owned(), source })?;
        let decoder = Decoder::new(families::decoder_config(&file.config, path)?);
        let quantised = file.weights.iter().any(|w| w.tensor.kind.values_per_block() > 1);
        let mut source = Source { config: file.config, quantised, ..Source::default() };
        let precision = source.config["dtype"].as_str().and_then(Precision::by_name).unwrap_or(Precision::F32);
        let names: Vec<&str> = file.weights.iter().map(|w| w.name.as_str()).collect();
        let read = |name: &str| {
            let weight = file.weights.iter().find(|w| w.name == name);
            Ok(weight.map(|w| Stored { shape: w.shape(), precision, values: w.to_f32() }))
        };
        let values = read_values(&decoder, &names, read, &mut source, path)?;
        let (mut tokenizer, mut template) = (None, None);
        if let Some(files) = file.tokenizer {
            let json = files.tokenizer.to_string().into_bytes();
            tokenizer = Some(Tokenizer::of_files(&json, &files.tokenizer_config, path)?);
            template = ChatTemplate::of_config(&files.tokenizer_config, None).map(|t| t.named(path));
            source.companions.insert("tokenizer.json".into(), json);
            let config = serde_json::to_vec_pretty(&files.tokenizer_config).unwrap_or_default();
            source.companions.insert("tokenizer_config.json".into(), config);
        }
        let parameters = Parameters::new(decoder.specs().to_vec(), values, device);
        Self { path: path.to_owned(), decoder, parameters, tokenizer, template, source }.checked()
    }

    /// Refuses a tokenizer whose ids the model cannot embed.
    pub(crate) fn checked(self) -> Result<Self, EngineError> {
        let embeddings = self.decoder.config().vocab_size;
        match self.tokenizer.as_ref().map(Tokenizer::vocabulary) {
            Some(tokens) if tokens > embeddings => Err(EngineError::Vocabulary { path: self.path, tokens, embeddings }),
            _ => Ok(self),
        }
    }

    /// Writes the model as a Hugging Face folder, each tensor in its own format.
    ///
    /// # Errors
    /// When the disk is full or the folder cannot be written.
    pub fn save(&self, dir: &Path) -> Result<(), EngineError> {
        write_folder(dir, &self.source, &self.entries())
    }

    /// Writes the model as a GGUF file whose matrices are of one type, and says what such a file does not hold of it.
    ///
    /// # Errors
    /// When the family, a setting or the tokenizer has no counterpart in GGUF, the type does not hold a weight, the
    /// disk is full or the file cannot be written. No half file is left.
    pub fn save_gguf(&self, path: &Path, kind: TensorKind) -> Result<Vec<String>, EngineError> {
        let tokenizer = self.source.tokenizer_files(&self.path)?;
        let name = self.path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let exported =
            gguf::export(&name, &self.source.config, self.decoder.config(), tokenizer.as_ref(), self.entries(), kind);
        let exported = exported.map_err(|source| EngineError::WriteGguf { path: path.to_owned(), source })?;
        gguf::write(path, &exported.metadata, &exported.tensors)?;
        Ok(exported.notes)
    }

    /// The type that most of the model's weights had on disk, if that is one of the plain floats.
    #[must_use]
    pub fn common_precision(&self) -> Option<Precision> {
        if self.source.quantised {
            return None;
        }
        let mut counts = [(Precision::F32, 0), (Precision::F16, 0), (Precision::Bf16, 0)];
        for spec in self.decoder.specs() {
            let precision = self.source.precision_of(&spec.name);
            counts.iter_mut().filter(|(p, _)| *p == precision).for_each(|(_, count)| *count += spec.len());
        }
        counts.into_iter().max_by_key(|(_, count)| *count).map(|(precision, _)| precision)
    }

    pub(crate) fn entries(&self) -> Vec<Entry<'_>> {
        let specs = self.decoder.specs().iter().enumerate();
        let entries = specs.map(|(i, spec)| Entry {
            name: spec.name.clone(),
            shape: spec.disk_shape(),
            precision: self.source.precision_of(&spec.name),
            values: Box::new(move || spec.to_disk(self.parameters.values(i))),
        });
        entries.collect()
    }

    /// Turns rows of text into token rows for this model.
    #[must_use]
    pub fn encoder(&self, chat: &ChatSection) -> Encoder {
        Encoder {
            tokenizer: self.tokenizer.clone(),
            template: self.template.clone(),
            system: chat.system.clone(),
            hidden: self.tokenizer.as_ref().and_then(Tokenizer::pad).filter(|_| chat.hide_pad_token),
            vocabulary: self.decoder.config().vocab_size,
        }
    }

    /// The tokenizer.
    ///
    /// # Errors
    /// When the model has none.
    pub fn need_tokenizer(&self) -> Result<&Tokenizer, EngineError> {
        self.tokenizer.as_ref().ok_or_else(|| EngineError::Lacks { path: self.path.clone(), what: "tokenizer" })
    }
}

/// Reads every parameter in memory's layout, and notes its format.
fn read_values(
    decoder: &Decoder,
    names: &[&str],
    read: impl Fn(&str) -> Result<Option<Stored>, EngineError>,
    source: &mut Source,
    path: &Path,
) -> Result<Vec<Vec<f32>>, EngineError> {
    let (names_of, known) = (decoder.config().names, names.iter().copied().collect::<HashSet<&str>>());
    // Checkpoints of the bare model lack the names' first part; GPT-2 was published so.
    let prefix = names_of.prefix();
    let bare = !known.iter().any(|n| n.starts_with(prefix));
    let stored = |name: &str| match name.strip_prefix(prefix) {
        Some(rest) if bare => rest.to_owned(),
        _ => name.to_owned(),
    };
    let wanted: HashSet<String> = decoder.specs().iter().map(|s| stored(&s.name)).collect();
    let head = format!("{}.weight", names_of.head);
    // A tied head is sometimes stored a second time; old checkpoints store rotary frequencies and causal masks.
    let harmless = |name: &str| {
        name == head
            || [".rotary_emb.inv_freq", ".attn.bias", ".attn.masked_bias", ".attention.bias", ".attention.masked_bias"]
                .iter()
                .any(|end| name.ends_with(end))
    };
    let extra: Vec<&str> = names.iter().copied().filter(|n| !wanted.contains(*n) && !harmless(n)).collect();
    if !extra.is_empty() {
        return Err(EngineError::checkpoint(
            path,
            format!("it holds tensors that its configuration does not need: {}", list(&extra)),
        ));
    }
    let mut values = Vec::new();
    let mut missing = Vec::new();
    for spec in decoder.specs() {
        let Some(Stored { shape, precision, values: data }) = read(&stored(&spec.name))? else {
            missing.push(spec.name.as_str());
            continue;
        };
        if shape != spec.disk_shape() {
            let reason =
                format!("`{}` has the shape {shape:?}, and its configuration says {:?}", spec.name, spec.disk_shape());
            return Err(EngineError::checkpoint(path, reason));
        }
        source.precision.insert(spec.name.clone(), precision);
        values.push(spec.from_disk(data));
    }
    if missing.is_empty() {
        Ok(values)
    } else {
        Err(EngineError::checkpoint(path, format!("tensors are missing: {}", list(&missing))))
    }
}

fn list(names: &[&str]) -> String {
    let shown = names.iter().take(5).map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ");
    if names.len() > 5 { format!("{shown} and {} more", names.len() - 5) } else { shown }
}
