//! The recipe: what the user asks for, as a TOML file. Every field has a default or is asked for by name.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error;
use toml::Table;

use crate::file::{self, FileError};
use crate::registry::nearest;
use crate::settings;

/// What can be wrong with a recipe.
#[derive(Debug, Error)]
pub enum RecipeError {
    /// The file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// It is not TOML, or a field has the wrong type or a wrong value.
    #[error("the recipe is not valid{}", place(.path))]
    Parse {
        /// The file, if there is one.
        path: Option<PathBuf>,
        /// What the parser says.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// A field that does not exist.
    #[error("unknown field `{field}`{}", place(.path))]
    UnknownField {
        /// The file, if there is one.
        path: Option<PathBuf>,
        /// The field, with its path.
        field: String,
        /// The nearest field that exists.
        nearest: Option<String>,
    },
    /// `--set` without a path or a value.
    #[error("`--set {assignment}` is not of the form `path.to.field=value`")]
    Assignment {
        /// As given.
        assignment: String,
    },
    /// A field that this command cannot do without.
    #[error("the recipe does not say `{field}`")]
    Missing {
        /// The field, with its path.
        field: &'static str,
        /// How to give it.
        hint: String,
    },
    /// A value outside its range.
    #[error("`{field} = {value}`{} is not possible: {reason}", place(.path))]
    Value {
        /// The file, if there is one.
        path: Option<PathBuf>,
        /// The field, with its path.
        field: String,
        /// The value.
        value: String,
        /// Why not.
        reason: String,
    },
}

fn place(path: &Option<PathBuf>) -> String {
    path.as_ref().map(|p| format!(" in `{}`", p.display())).unwrap_or_default()
}

impl RecipeError {
    /// What the user can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::File(e) => e.hint(),
            Self::UnknownField { nearest: Some(n), .. } => Some(format!("did you mean `{n}`?")),
            Self::Assignment { .. } => Some("for example `--set train.learning_rate=2e-5`".into()),
            Self::Missing { hint, .. } => Some(hint.clone()),
            _ => None,
        }
    }

    /// A value outside its range.
    pub fn value(field: impl Into<String>, value: impl ToString, reason: impl Into<String>) -> Self {
        Self::Value { path: None, field: field.into(), value: value.to_string(), reason: reason.into() }
    }

    fn of_file(self, file: Option<&Path>) -> Self {
        match self {
            Self::Value { field, value, reason, .. } => {
                Self::Value { path: file.map(Path::to_owned), field, value, reason }
            }
            other => other,
        }
    }
}

/// The whole recipe.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Recipe {
    /// The one seed.
    pub seed: u64,
    /// The models.
    pub model: ModelSection,
    /// The data files.
    pub data: DataSection,
    /// How text becomes a conversation.
    pub chat: ChatSection,
    /// The method: `name` and its own fields, checked by the method.
    pub method: Table,
    /// The training loop.
    pub train: TrainSection,
    /// The evaluation.
    pub eval: EvalSection,
}

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
    fn check(&self) -> Result<(), RecipeError> {
        if self.limit == Some(0) {
            return Err(RecipeError::value("data.limit", 0, "it must be at least 1"));
        }
        let taken = ["train", "forget", "retain", "holdout", "model", "reference", "retrained"];
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

/// The learning rate's course after the warm-up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Schedule {
    /// Down to zero in a straight line.
    #[default]
    Linear,
    /// Down to zero along half a cosine.
    Cosine,
    /// Stays.
    Constant,
}

/// The optimisers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Optimizer {
    /// AdamW with decoupled weight decay (Loshchilov and Hutter, 2019).
    #[default]
    Adamw,
}

/// The largest gradient norm that is let through.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "toml::Value", into = "toml::Value")]
pub enum Clip {
    /// `clip = "none"`
    None,
    /// `clip = 1.0`
    Norm(f64),
}

impl TryFrom<toml::Value> for Clip {
    type Error = String;
    fn try_from(value: toml::Value) -> Result<Self, String> {
        let norm = match &value {
            toml::Value::String(s) if s == "none" => return Ok(Self::None),
            toml::Value::Float(x) => *x,
            toml::Value::Integer(i) => *i as f64,
            _ => f64::NAN,
        };
        if norm > 0.0 {
            Ok(Self::Norm(norm))
        } else {
            Err(format!("`clip` is \"none\" or a positive number, not {value}"))
        }
    }
}

impl From<Clip> for toml::Value {
    fn from(clip: Clip) -> Self {
        match clip {
            Clip::None => "none".into(),
            Clip::Norm(x) => x.into(),
        }
    }
}

/// `[train]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainSection {
    /// Peak learning rate.
    pub learning_rate: f64,
    /// Rows of the forget set (of `train`: of the data) per optimiser step; as many retain rows go with them.
    pub batch_size: usize,
    /// Tokens, padding included, that go through the model at once; a step is cut into micro-batches that fit.
    pub micro_tokens: usize,
    /// Passes over the forget set (of `train`: over the data).
    pub epochs: f64,
    /// Optimiser steps; instead of `epochs`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steps: Option<usize>,
    /// Linear warm-up: below 1 a share of all steps, from 1 on a number of steps.
    pub warmup: f64,
    /// The course after the warm-up.
    pub schedule: Schedule,
    /// Largest gradient norm.
    pub clip: Clip,
    /// Decoupled weight decay.
    pub weight_decay: f64,
    /// The optimiser.
    pub optimizer: Optimizer,
    /// First-moment decay.
    pub beta1: f64,
    /// Second-moment decay.
    pub beta2: f64,
    /// Added to the root of the second moment.
    pub eps: f64,
    /// Whether rows are drawn in random order.
    pub shuffle: bool,
    /// Seconds between two saved states, from which an interrupted run goes on. Does not change results.
    pub save_seconds: f64,
}

impl Default for TrainSection {
    fn default() -> Self {
        Self {
            learning_rate: 1e-5,
            batch_size: 32,
            micro_tokens: 2048,
            epochs: 10.0,
            steps: None,
            warmup: 0.1,
            schedule: Schedule::Linear,
            clip: Clip::Norm(1.0),
            weight_decay: 0.01,
            optimizer: Optimizer::Adamw,
            beta1: 0.9,
            beta2: 0.999,
            eps: 1e-8,
            shuffle: true,
            save_seconds: 120.0,
        }
    }
}

impl TrainSection {
    /// Checks what types cannot.
    ///
    /// # Errors
    /// Names the first field that is out of range.
    pub fn check(&self) -> Result<(), RecipeError> {
        let positive = [("train.batch_size", self.batch_size), ("train.micro_tokens", self.micro_tokens)];
        for (field, value) in positive {
            if value == 0 {
                return Err(RecipeError::value(field, value, "it must be at least 1"));
            }
        }
        let ranges = [
            ("train.learning_rate", self.learning_rate, 0.0, f64::MAX),
            ("train.warmup", self.warmup, 0.0, f64::MAX),
            ("train.weight_decay", self.weight_decay, 0.0, f64::MAX),
            ("train.beta1", self.beta1, 0.0, 0.999_999_999),
            ("train.beta2", self.beta2, 0.0, 0.999_999_999),
            ("train.eps", self.eps, 0.0, 1.0),
            ("train.epochs", self.epochs, 0.0, 1e9),
        ];
        for (field, value, low, high) in ranges {
            if !(low..=high).contains(&value) {
                return Err(RecipeError::value(field, value, format!("it must lie between {low} and {high:e}")));
            }
        }
        Ok(())
    }
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
}

impl Default for EvalSection {
    fn default() -> Self {
        Self { max_new_tokens: 200, batch_size: 16, metrics: Vec::new(), rows: 0 }
    }
}

impl Recipe {
    /// Reads a recipe file (none: an empty one), then applies `--set` assignments in order.
    /// Relative paths in a file start at the file's own folder.
    ///
    /// # Errors
    /// When the file or an assignment is not valid; an unknown field is named with the nearest valid one.
    pub fn read(path: Option<&Path>, assignments: &[String]) -> Result<Self, RecipeError> {
        let mut recipe_dir = None;
        let mut table = Table::new();
        if let Some(p) = path {
            table = file::read_text(p)?.parse().map_err(|e| Self::parse_error(path, e))?;
            recipe_dir = p.parent().map(Path::to_owned);
        }
        if let Some(dir) = recipe_dir {
            rebase(&mut table, &dir);
        }
        for assignment in assignments {
            settings::assign(&mut table, assignment)?;
        }
        // What is written down holds wherever it is read from.
        rebase(&mut table, &std::env::current_dir().unwrap_or_default());
        Self::from_table(table, path)
    }

    /// Checks a table of fields; `path` is where it came from.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn from_table(table: Table, path: Option<&Path>) -> Result<Self, RecipeError> {
        let valid = Self::fields();
        for (section, value) in &table {
            let Some(inner) = value.as_table().filter(|_| section != "method") else {
                if !valid.iter().any(|v| v.split('.').next() == Some(section)) {
                    return Err(unknown(path, section.clone(), &valid));
                }
                continue;
            };
            for key in inner.keys() {
                let field = format!("{section}.{key}");
                if !valid.contains(&field) {
                    return Err(unknown(path, field, &valid));
                }
            }
        }
        let recipe: Self = table.try_into().map_err(|e| Self::parse_error(path, e))?;
        recipe.train.check().and_then(|()| recipe.data.check()).map_err(|e| e.of_file(path))?;
        Ok(recipe)
    }

    /// The recipe without what does not change results: two recipes that agree in it are the same run.
    #[must_use]
    pub fn essence(&self) -> Self {
        let mut essence = self.clone();
        essence.train.save_seconds = TrainSection::default().save_seconds;
        essence
    }

    fn parse_error(path: Option<&Path>, e: toml::de::Error) -> RecipeError {
        RecipeError::Parse { path: path.map(Path::to_owned), source: Box::new(e) }
    }

    /// Every field that a recipe may hold, with its path; a method's own fields are not among them.
    pub fn fields() -> Vec<String> {
        let some = || Some(PathBuf::new());
        let full = Self {
            model: ModelSection { path: some(), reference: some(), retrained: some() },
            data: DataSection {
                train: vec!["".into()],
                forget: vec!["".into()],
                retain: vec!["".into()],
                holdout: vec!["".into()],
                also: BTreeMap::from([(String::new(), Vec::new())]),
                limit: Some(1),
            },
            chat: ChatSection { system: Some(String::new()), hide_pad_token: false },
            train: TrainSection { steps: Some(1), ..TrainSection::default() },
            ..Self::default()
        };
        let table = Table::try_from(full).unwrap_or_default();
        let mut fields = vec!["method.name".to_owned()];
        for (section, value) in table {
            match value {
                toml::Value::Table(t) => fields.extend(t.keys().map(|k| format!("{section}.{k}"))),
                _ => fields.push(section),
            }
        }
        fields
    }

    /// The recipe as TOML, every default filled in.
    pub fn to_toml(&self) -> String {
        toml::to_string_pretty(self).unwrap_or_default()
    }

    /// The method's name.
    ///
    /// # Errors
    /// When there is none.
    pub fn method_name(&self) -> Result<&str, RecipeError> {
        self.method.get("name").and_then(|v| v.as_str()).ok_or_else(|| RecipeError::Missing {
            field: "method.name",
            hint: "give `--method NAME`; `unlearn methods` lists them".into(),
        })
    }

    /// The model's path.
    ///
    /// # Errors
    /// When there is none.
    pub fn model_path(&self) -> Result<&Path, RecipeError> {
        self.model.path.as_deref().ok_or_else(|| RecipeError::Missing {
            field: "model.path",
            hint: "give `--model DIR`, a Hugging Face folder or a GGUF file".into(),
        })
    }
}

fn unknown(path: Option<&Path>, field: String, valid: &[String]) -> RecipeError {
    let nearest = nearest(&field, valid.iter().map(String::as_str)).map(str::to_owned);
    RecipeError::UnknownField { path: path.map(Path::to_owned), field, nearest }
}

/// Makes the relative paths of a recipe file start at the file's folder.
fn rebase(table: &mut Table, dir: &Path) {
    for section in ["model", "data"] {
        if let Some(value) = table.get_mut(section) {
            rebase_value(value, dir);
        }
    }
}

fn rebase_value(value: &mut toml::Value, dir: &Path) {
    match value {
        toml::Value::String(s) => *s = dir.join(&*s).to_string_lossy().into_owned(),
        toml::Value::Array(items) => items.iter_mut().for_each(|v| rebase_value(v, dir)),
        toml::Value::Table(inner) => inner.iter_mut().for_each(|(_, v)| rebase_value(v, dir)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trips_with_every_default_filled_in() {
        let recipe = Recipe::read(None, &["train.clip=none".into(), "method.name=npo".into()]).expect("valid");
        let text = recipe.to_toml();
        let again: Recipe = toml::from_str(&text).expect("its own output");
        assert_eq!(recipe, again);
        assert!(text.contains("learning_rate"), "{text}");
    }

    #[test]
    fn a_misspelt_field_is_named_with_the_nearest() {
        let error = Recipe::read(None, &["train.learning_rat=1e-4".into()]).expect_err("no such field");
        assert_eq!(error.hint().as_deref(), Some("did you mean `train.learning_rate`?"));
        let error = Recipe::read(None, &["trian.epochs=1".into()]).expect_err("no such section");
        assert_eq!(error.hint().as_deref(), Some("did you mean `train.epochs`?"));
    }

    #[test]
    fn values_out_of_range_are_refused() {
        for bad in ["train.batch_size=0", "train.learning_rate=-1.0", "train.clip=-1.0", "train.beta2=1.0"] {
            assert!(Recipe::read(None, &[bad.to_owned()]).is_err(), "{bad}");
        }
    }
}
