//! How a method asks the model for other answers.

use serde::{Deserialize, Serialize};
use unlearn_engine::train::Asking;

use crate::MethodError;

/// What the model is asked when the recipe says nothing.
const PROMPT: &str = "Give one short answer to the question below that sounds plausible but is wrong. It must be of the \
                      same kind and style as the right answer, and state something else. Write the answer alone.\n\n\
                      Question: {question}\nRight answer: {answer}\nWrong answer:";

/// How the model is asked for other answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Asked {
    /// Other answers to each forget question.
    pub alternates: usize,
    /// What the model is asked; `{question}` and `{answer}` are filled in.
    pub prompt: String,
    /// Temperature of the sampling; it rises while answers come out as the right one.
    pub temperature: f64,
    /// Longest answer.
    pub max_new_tokens: usize,
}

impl Default for Asked {
    fn default() -> Self {
        Self { alternates: 5, prompt: PROMPT.into(), temperature: 1.0, max_new_tokens: 200 }
    }
}

impl Asked {
    pub(crate) fn check(&self) -> Result<(), MethodError> {
        let positive = |n: usize| n > 0;
        MethodError::require(positive(self.alternates), "alternates", 0.0, "it must be at least 1")?;
        MethodError::require(positive(self.max_new_tokens), "max_new_tokens", 0.0, "it must be at least 1")?;
        MethodError::require(self.temperature > 0.0, "temperature", self.temperature, "it must be positive")
    }

    pub(crate) fn asked(&self) -> Asking {
        let (prompt, temperature) = (self.prompt.clone(), self.temperature);
        Asking { answers: self.alternates, prompt, temperature, max_new_tokens: self.max_new_tokens }
    }
}
