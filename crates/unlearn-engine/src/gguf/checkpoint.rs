//! A GGUF file as the parts of a Hugging Face model folder.

use serde_json::Value;

use super::{Gguf, GgufError, TensorKind, TokenizerFiles, Weight, arch};

/// Everything that a Hugging Face model folder holds. The weights are decoded one by one, when asked for.
#[derive(Debug, Clone)]
pub struct Checkpoint<'a> {
    /// The content of `config.json`.
    pub config: Value,
    /// The content of the tokenizer's files, if the GGUF file has a vocabulary.
    pub tokenizer: Option<TokenizerFiles>,
    /// The weights, in the order of the file.
    pub weights: Vec<Weight<'a>>,
}

impl<'a> Checkpoint<'a> {
    /// Parses a file and converts it.
    ///
    /// # Errors
    /// Those of [`Gguf::parse`] and [`Checkpoint::from_gguf`].
    pub fn parse(bytes: &'a [u8]) -> Result<Self, GgufError> {
        Self::from_gguf(&Gguf::parse(bytes)?)
    }

    /// Converts a parsed file.
    ///
    /// # Errors
    /// An unknown architecture or vocabulary, and any setting or tensor without a counterpart.
    pub fn from_gguf(gguf: &Gguf<'a>) -> Result<Self, GgufError> {
        let (mut config, weights) = arch::convert(gguf)?;
        let dtype = common_dtype(&weights);
        config["torch_dtype"] = dtype.into();
        config["dtype"] = dtype.into();
        let tokenizer = TokenizerFiles::from_gguf(gguf)?;
        Ok(Self { config, tokenizer, weights })
    }
}

/// The type that holds all matrices exactly: theirs if they share a 16-bit type, else 32-bit floats.
fn common_dtype(weights: &[Weight<'_>]) -> &'static str {
    let mut kinds = weights.iter().filter(|weight| weight.shape().len() > 1).map(|weight| weight.tensor.kind);
    match kinds.next() {
        Some(TensorKind::F16) if kinds.all(|kind| kind == TensorKind::F16) => "float16",
        Some(TensorKind::BF16) if kinds.all(|kind| kind == TensorKind::BF16) => "bfloat16",
        _ => "float32",
    }
}
