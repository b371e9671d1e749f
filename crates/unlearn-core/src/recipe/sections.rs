//! The sections around training: models, data, conversation, evaluation.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::RecipeError;

/// `[model]`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ModelSection {
    /// The model to change: a Hugging Face folder or a GGUF file.
    pub path: Option<PathBuf>,
    /// The reference, where it is not the model itself as it was before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<PathBuf>,
    /// The model that never saw the forget set, for comparison.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retrained: Option<PathBuf>,
    /// Further ones from other seeds: how far they are from each other is the unit of how far a subject is from them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub retrained_also: Vec<PathBuf>,
    /// Models trained as the subject was, on other rows, for membership attacks.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub shadows: Vec<PathBuf>,
}

/// `[data]`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DataSection {
    /// What `train` learns.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub train: Vec<PathBuf>,
    /// What must go.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub forget: Vec<PathBuf>,
    /// What must keep working.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub retain: Vec<PathBuf>,
    /// Other answers to the forget questions: as many rows as `forget` has, in the same order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub alternate: Vec<PathBuf>,
    /// A text file of refusals, one a line, instead of the built-in ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusals: Option<PathBuf>,
    /// Rows of the same kind that no model saw.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub holdout: Vec<PathBuf>,
    /// Further sets that are evaluated, by name (`neighbour`, …).
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub also: BTreeMap<String, Vec<PathBuf>>,
    /// At most this many rows of each of the files above are read, from the start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
}

impl DataSection {
    pub(super) fn check(&self) -> Result<(), RecipeError> {
        if self.limit == Some(0) {
            return Err(RecipeError::value("data.limit", 0, "it must be at least 1"));
        }
        let taken = [
            "train",
            "forget",
            "retain",
            "alternate",
            "refusals",
            "holdout",
            "model",
            "reference",
            "retrained",
            "retrained-also",
            "shadow",
        ];
        match self.also.keys().find(|name| taken.contains(&name.as_str())) {
            Some(name) => Err(RecipeError::value("data.also", name, "the name is taken")),
            None => Ok(()),
        }
    }
}

/// `[chat]`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ChatSection {
    /// The system prompt, where the template takes one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system: Option<String>,
    /// Hides every token that equals the tokenizer's pad token from attention, prompts included, as open-unlearning's
    /// collator does. Where the pad token also ends turns, their ends become invisible; only for comparing with
    /// numbers that were made that way.
    pub hide_pad_token: bool,
}

/// `[eval]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EvalSection {
    /// Longest generation.
    pub max_new_tokens: usize,
    /// Rows that are scored or generated at once.
    pub batch_size: usize,
    /// Metrics by name; all when empty.
    pub metrics: Vec<String>,
    /// At most this many rows of each set, evenly spread; all when 0.
    pub rows: usize,
    /// Answers that are sampled to each question, for metrics of sampled answers.
    pub samples: usize,
    /// The temperature of sampling.
    pub temperature: f64,
    /// A benchmark by name, whose sets are examined besides those of `[data]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub benchmark: Option<String>,
    /// The folder of its published files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub benchmark_data: Option<PathBuf>,
    /// Which part of it; its own default when not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub benchmark_split: Option<String>,
    /// A folder where what is seen of subjects is kept and found again, by digest; the run's own, for as long as it is
    /// not finished, when not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observations: Option<PathBuf>,
}

impl Default for EvalSection {
    fn default() -> Self {
        Self {
            max_new_tokens: 200,
            batch_size: 16,
            metrics: Vec::new(),
            rows: 0,
            samples: 16,
            temperature: 1.0,
            benchmark: None,
            benchmark_data: None,
            benchmark_split: None,
            observations: None,
        }
    }
}

/// `[attack]`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AttackSection {
    /// Attacks that belong together, by name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suite: Option<String>,
    /// Attacks by name, besides those of the suite.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
    /// Steps of training or search that each attack may take on each subject.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steps: Option<u64>,
    /// Questions that each attack may put to each subject.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queries: Option<u64>,
    /// Seconds that each attack may take on each subject.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// Each attack's own fields, under its name; checked by the attack.
    #[serde(flatten)]
    pub own: BTreeMap<String, toml::Table>,
}
