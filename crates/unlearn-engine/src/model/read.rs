//! Reading a model from a Hugging Face folder, a GGUF file or an adapter folder.

use std::path::Path;

use burn::tensor::Device;
use memmap2::Mmap;
use serde_json::Value;
use unlearn_core::recipe::{ChatSection, Frozen, LoraSection, TrainSection};
use unlearn_data::{ChatTemplate, Encoder, Guard, Tokenizer};

use super::LanguageModel;
use crate::adapter::{self, peft};
use crate::checkpoint::{Precision, Source, Stored, Tensors, WeightFiles, map_file};
use crate::decoder::Packing;
use crate::gguf::Checkpoint;
use crate::train::Selection;
use crate::{Decoder, DecoderConfig, EngineError, Parameters, families};

/// What a model is read for.
#[derive(Debug, Clone, Copy)]
pub enum Loading<'a> {
    /// All weights as float32, each of them trainable.
    Whole,
    /// Nothing is trained; matrices are kept as this says.
    Packed(Frozen),
    /// What `[train]` chooses is trained, the rest kept as it says; the seed is that of fresh adapters.
    Training(&'a TrainSection, u64),
}

impl LanguageModel {
    /// Reads a Hugging Face folder, a GGUF file, or a PEFT adapter folder together with the checkpoint that it names.
    ///
    /// # Errors
    /// When it is no checkpoint of a known family, a tensor is missing, superfluous or of the wrong shape, the
    /// tokenizer does not fit, or its guard cannot be used.
    pub fn read(path: &Path, device: &Device) -> Result<Self, EngineError> {
        Self::load(path, Loading::Whole, device)
    }

    /// Reads a model as it is needed. Tensors are read one by one, so that a model whose matrices are kept packed never
    /// takes the memory that float32 would.
    ///
    /// # Errors
    /// As [`Self::read`]; when `[train]` names what the model does not have.
    pub fn load(path: &Path, loading: Loading<'_>, device: &Device) -> Result<Self, EngineError> {
        if let Some(base) = peft::base_of(path)? {
            if path.join(Guard::FILE).exists() {
                return Err(EngineError::checkpoint(
                    path,
                    "an adapter folder has no guard of its own: put it to the base",
                ));
            }
            let model = Self::load(&base, Loading::Whole, device)?;
            let mut adapted = model.parameters.clone();
            peft::read(path, &model.decoder, &mut adapted)?;
            let whole = adapter::merged(&model.decoder, &adapted);
            let keep = Keep::new(&model.decoder, loading)?;
            let mut parameters = Parameters::empty(device);
            for (i, spec) in model.decoder.specs().iter().enumerate() {
                parameters.push(spec.clone(), whole.values(i), keep.of(i, Packing::F32));
            }
            keep.attach(&mut parameters);
            return Ok(Self { path: path.to_owned(), parameters, ..model });
        }
        let map;
        let (mut source, tensors, tokenizer, template) = if path.is_file() {
            map = map_file(path)?;
            of_gguf(path, &map)?
        } else {
            let source = Source::read(path)?;
            let tensors = Tensors::Folder(WeightFiles::open(path)?);
            (source, tensors, Tokenizer::of_folder(path)?, ChatTemplate::of_folder(path)?)
        };
        let guard = source.companions.get(Guard::FILE);
        let guard = guard.map(|content| Guard::parse(content, &path.join(Guard::FILE))).transpose()?;
        let config = if path.is_file() { path.to_owned() } else { path.join("config.json") };
        let decoder = Decoder::new(families::decoder_config(&source.config, &config)?);
        let parameters = parameters(&decoder, &tensors, loading, &mut source, path, device)?;
        Self { path: path.to_owned(), decoder, parameters, tokenizer, template, guard, source }.checked()
    }

    /// Reads how a checkpoint's rows become tokens, and no weights.
    ///
    /// # Errors
    /// When it is no checkpoint of a known family, or its tokenizer cannot be used.
    pub fn read_encoder(path: &Path, chat: &ChatSection) -> Result<Encoder, EngineError> {
        if let Some(base) = peft::base_of(path)? {
            return Self::read_encoder(&base, chat);
        }
        let map;
        let (source, tokenizer, template) = if path.is_file() {
            map = map_file(path)?;
            let (source, _, tokenizer, template) = of_gguf(path, &map)?;
            (source, tokenizer, template)
        } else {
            (Source::read(path)?, Tokenizer::of_folder(path)?, ChatTemplate::of_folder(path)?)
        };
        let config = if path.is_file() { path.to_owned() } else { path.join("config.json") };
        let vocabulary = families::decoder_config(&source.config, &config)?.vocab_size;
        Ok(super::encoder(tokenizer, template, vocabulary, chat))
    }

    /// Reads a checkpoint's configuration alone.
    ///
    /// # Errors
    /// When it is no checkpoint of a known family.
    pub fn read_config(path: &Path) -> Result<DecoderConfig, EngineError> {
        if let Some(base) = peft::base_of(path)? {
            return Self::read_config(&base);
        }
        if path.is_file() {
            let map = map_file(path)?;
            let file = Checkpoint::parse(&map).map_err(|source| EngineError::Gguf { path: path.to_owned(), source })?;
            return families::decoder_config(&file.config, path);
        }
        families::decoder_config(&Source::read(path)?.config, &path.join("config.json"))
    }
}

type Parts<'a> = (Source, Tensors<'a>, Option<Tokenizer>, Option<ChatTemplate>);

fn of_gguf<'a>(path: &Path, map: &'a Mmap) -> Result<Parts<'a>, EngineError> {
    let mut file = Checkpoint::parse(map).map_err(|source| EngineError::Gguf { path: path.to_owned(), source })?;
    let quantised = file.weights.iter().any(|w| w.kind().values_per_block() > 1);
    let mut source = Source { config: std::mem::take(&mut file.config), quantised, ..Source::default() };
    let (mut tokenizer, mut template) = (None, None);
    if let Some(files) = file.tokenizer.take() {
        let json = files.tokenizer.to_string().into_bytes();
        tokenizer = Some(Tokenizer::of_files(&json, &files.tokenizer_config, path)?);
        template = ChatTemplate::of_config(&files.tokenizer_config, None).map(|t| t.named(path));
        source.companions.insert("tokenizer.json".into(), json);
        let config = serde_json::to_vec_pretty(&files.tokenizer_config).unwrap_or_default();
        source.companions.insert("tokenizer_config.json".into(), config);
    }
    let precision = source.config.get("dtype").and_then(Value::as_str).and_then(Precision::by_name);
    Ok((source, Tensors::Gguf(file, precision.unwrap_or(Precision::F32)), tokenizer, template))
}

/// What is trained, and how the rest is kept.
struct Keep<'a> {
    selection: Selection,
    frozen: Frozen,
    lora: Option<(&'a LoraSection, u64)>,
}

impl<'a> Keep<'a> {
    fn new(decoder: &Decoder, loading: Loading<'a>) -> Result<Self, EngineError> {
        Ok(match loading {
            Loading::Whole => Self { selection: Selection::everything(decoder), frozen: Frozen::F32, lora: None },
            Loading::Packed(frozen) => Self { selection: Selection::nothing(decoder), frozen, lora: None },
            Loading::Training(train, seed) => {
                let selection = Selection::new(train, decoder)?;
                Self { selection, frozen: train.frozen, lora: Some((&train.lora, seed)) }
            }
        })
    }

    /// How parameter `i` is kept, whose own format is `own`; `None` when it is trained.
    fn of(&self, i: usize, own: Packing) -> Option<Packing> {
        let kept = match self.frozen {
            Frozen::Own => own,
            Frozen::F32 => Packing::F32,
            Frozen::F16 => Packing::F16,
            Frozen::Bf16 => Packing::Bf16,
            Frozen::Q8 => Packing::Q8,
        };
        (!self.selection.trained[i]).then_some(kept)
    }

    fn attach(&self, parameters: &mut Parameters) {
        if let Some((lora, seed)) = self.lora {
            adapter::attach(parameters, &self.selection.adapted, lora, seed);
        }
    }
}

/// Reads every parameter in memory's layout, and notes its format.
fn parameters(
    decoder: &Decoder,
    tensors: &Tensors<'_>,
    loading: Loading<'_>,
    source: &mut Source,
    path: &Path,
    device: &Device,
) -> Result<Parameters, EngineError> {
    let keep = Keep::new(decoder, loading)?;
    let stored = tensors.names_of(decoder, path)?;
    let mut parameters = Parameters::empty(device);
    for (i, (spec, name)) in decoder.specs().iter().zip(&stored).enumerate() {
        let Some(Stored { shape, precision, packing, values }) = tensors.read(name)? else { continue };
        if shape != spec.disk_shape() {
            let reason =
                format!("`{}` has the shape {shape:?}, and its configuration says {:?}", spec.name, spec.disk_shape());
            return Err(EngineError::checkpoint(path, reason));
        }
        source.precision.insert(spec.name.clone(), precision);
        parameters.push(spec.clone(), spec.from_disk(values), keep.of(i, packing));
    }
    keep.attach(&mut parameters);
    Ok(parameters)
}
