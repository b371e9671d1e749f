//! `[train]`: the training loop.

use serde::{Deserialize, Serialize};

use super::RecipeError;
use super::selection::{AdapterKind, Bytes, Frozen, Layers, LoraSection};

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
    /// Whether weights themselves are trained, or adapters beside them.
    pub adapter: AdapterKind,
    /// The adapters.
    pub lora: LoraSection,
    /// The layers that are trained (with adapters: that get one).
    pub layers: Layers,
    /// The parameters that are trained, by name pattern; all when empty.
    pub parameters: Vec<String>,
    /// How frozen matrices are kept in memory.
    pub frozen: Frozen,
    /// Compute each block's inside a second time on the way back, instead of keeping it: less memory, a third more
    /// time.
    pub gradient_checkpointing: bool,
    /// Memory that a run may take: `micro_tokens` is lowered until it fits, then `gradient_checkpointing` set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_memory: Option<Bytes>,
    /// Memory for what a frozen prefix of layers puts out, kept for when the same rows come again.
    pub prefix_cache: Bytes,
    /// Disk space that the reference's answers may take in the run folder while the run lasts.
    pub reference_cache: Bytes,
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
            adapter: AdapterKind::None,
            lora: LoraSection::default(),
            layers: Layers::default(),
            parameters: Vec::new(),
            frozen: Frozen::Own,
            gradient_checkpointing: false,
            max_memory: None,
            prefix_cache: Bytes(1 << 30),
            reference_cache: Bytes(16 << 30),
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
        if self.adapter == AdapterKind::Lora && !self.parameters.is_empty() {
            let why = "with adapters, `train.lora.targets` says where they go";
            return Err(RecipeError::value("train.parameters", format!("{:?}", self.parameters), why));
        }
        self.lora.check()
    }
}
