//! A language model: decoder, weights, tokenizer and the files around them.

mod read;
mod save;

use std::path::PathBuf;

use unlearn_core::recipe::ChatSection;
use unlearn_data::{ChatTemplate, Encoder, Guard, Tokenizer};

use crate::checkpoint::Source;
use crate::decoder::Change;
use crate::{Decoder, EngineError, Parameters};

pub use read::Loading;

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
    /// The guard that stands before it, if there is one. What is computed of the model knows nothing of it: whoever
    /// asks as a user would asks it as well.
    pub guard: Option<Guard>,
    /// The files around the weights.
    pub source: Source,
}

impl LanguageModel {
    /// Refuses a tokenizer whose ids the model cannot embed.
    pub(crate) fn checked(self) -> Result<Self, EngineError> {
        let embeddings = self.decoder.config().vocab_size;
        match self.tokenizer.as_ref().map(Tokenizer::vocabulary) {
            Some(tokens) if tokens > embeddings => Err(EngineError::Vocabulary { path: self.path, tokens, embeddings }),
            _ => Ok(self),
        }
    }

    /// The same model, in which the stream behind some blocks is changed. It is not for training or saving.
    #[must_use]
    pub fn with_changes(&self, changes: impl IntoIterator<Item = (usize, Change)>) -> Self {
        Self { decoder: self.decoder.clone().with_changes(changes), ..self.clone() }
    }

    /// The same model, all of whose weights are float32 and trained.
    #[must_use]
    pub fn unfrozen(self) -> Self {
        Self { parameters: self.parameters.unfrozen(), ..self }
    }

    /// Turns rows of text into token rows for this model.
    #[must_use]
    pub fn encoder(&self, chat: &ChatSection) -> Encoder {
        encoder(self.tokenizer.clone(), self.template.clone(), self.decoder.config().vocab_size, chat)
    }

    /// The tokenizer.
    ///
    /// # Errors
    /// When the model has none.
    pub fn need_tokenizer(&self) -> Result<&Tokenizer, EngineError> {
        self.tokenizer.as_ref().ok_or_else(|| EngineError::Lacks { path: self.path.clone(), what: "tokenizer" })
    }
}

fn encoder(
    tokenizer: Option<Tokenizer>,
    template: Option<ChatTemplate>,
    vocabulary: usize,
    chat: &ChatSection,
) -> Encoder {
    let hidden = tokenizer.as_ref().and_then(Tokenizer::pad).filter(|_| chat.hide_pad_token);
    Encoder { tokenizer, template, system: chat.system.clone(), hidden, vocabulary }
}
