//! A language model: decoder, weights, tokenizer and the files around them.

use std::path::{Path, PathBuf};

use burn::tensor::Device;
use unlearn_core::digest::Hasher;
use unlearn_data::{ChatTemplate, Encoder, Tokenizer};

use crate::checkpoint::{Entry, Source, WeightFiles, write_folder};
use crate::{Decoder, EngineError, Parameters, families};

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
            return Err(EngineError::checkpoint(path, "gguf"));
        }
        let mut source = Source::read(path)?;
        let config = families::decoder_config(&source.config, &path.join("config.json"))?;
        let decoder = Decoder::new(config);
        let files = WeightFiles::open(path)?;
        let values = read_values(&decoder, &files, &mut source, path)?;
        let parameters = Parameters::new(decoder.specs().to_vec(), values, device);
        let tokenizer = Tokenizer::of_folder(path)?;
        let template = ChatTemplate::of_folder(path)?;
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
        let specs = self.parameters.specs();
        let entries: Vec<Entry<'_>> = specs
            .iter()
            .enumerate()
            .map(|(i, spec)| Entry {
                name: spec.name.clone(),
                shape: spec.disk_shape(),
                precision: self.source.precision_of(&spec.name),
                values: Box::new(move || spec.to_disk(self.parameters.values(i))),
            })
            .collect();
        write_folder(dir, &self.source, &entries)
    }

    /// Digest of the weights and of everything else that changes what the model says.
    #[must_use]
    pub fn digest(&self) -> String {
        let mut hasher = Hasher::default();
        hasher.field(self.source.config.to_string().as_bytes());
        for name in ["tokenizer.json", "tokenizer_config.json", "chat_template.jinja"] {
            hasher.field(self.source.companions.get(name).map_or(&[][..], Vec::as_slice));
        }
        for (i, spec) in self.parameters.specs().iter().enumerate() {
            hasher.field(spec.name.as_bytes());
            let precision = self.source.precision_of(&spec.name);
            hasher.field(&precision.encode(&self.parameters.values(i)));
        }
        hasher.hex()
    }

    /// Turns rows of text into token rows for this model.
    #[must_use]
    pub fn encoder(&self, system: Option<&str>) -> Encoder {
        Encoder {
            tokenizer: self.tokenizer.clone(),
            template: self.template.clone(),
            system: system.map(str::to_owned),
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
    files: &WeightFiles,
    source: &mut Source,
    path: &Path,
) -> Result<Vec<Vec<f32>>, EngineError> {
    let known = |name: &str| decoder.specs().iter().any(|s| s.name == name);
    // A tied head is sometimes stored a second time, and old checkpoints store rotary frequencies.
    let harmless = |name: &str| name == "lm_head.weight" || name.ends_with("rotary_emb.inv_freq");
    let extra: Vec<&str> = files.names().filter(|n| !known(n) && !harmless(n)).collect();
    if !extra.is_empty() {
        return Err(EngineError::checkpoint(
            path,
            format!("it holds tensors that its configuration does not need: {}", list(&extra)),
        ));
    }
    let mut values = Vec::new();
    let mut missing = Vec::new();
    for spec in decoder.specs() {
        let Some((shape, precision, data)) = files.read(&spec.name)? else {
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
