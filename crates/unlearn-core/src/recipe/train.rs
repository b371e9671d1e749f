//! `[train]`: the training loop.

use serde::{Deserialize, Serialize};

use super::RecipeError;
use super::optimizer::{LionSection, Optimizer, SophiaSection, decays};
use super::selection::{AdapterKind, Bytes, Frozen, Layers, LoraSection};
use super::smooth::{AverageSection, SmoothSection};

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
    /// Tokens of the rows that go through the model at once; a step is cut into micro-batches that fit.
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
    /// Weight decay: decoupled, but added to the gradient by `sgd`.
    pub weight_decay: f64,
    /// The optimiser.
    pub optimizer: Optimizer,
    /// Bits in which it keeps its moments: 32, or 8 with a scale for each 256 values (Dettmers et al., 2022), which takes
    /// a quarter of the memory and moves results a little.
    pub optimizer_bits: usize,
    /// `adamw`: first-moment decay.
    pub beta1: f64,
    /// `adamw`: second-moment decay.
    pub beta2: f64,
    /// `adamw`: added to the root of the second moment.
    pub eps: f64,
    /// `sgd`: decay of the momentum; 0 for none.
    pub momentum: f64,
    /// `lion`
    pub lion: LionSection,
    /// `sophia`
    pub sophia: SophiaSection,
    /// What is done to the forget gradient.
    pub smooth: SmoothSection,
    /// Which weights the run leaves.
    pub average: AverageSection,
    /// Folds of the forget set that are forgotten one after the other, those to come being retained (layered
    /// unlearning, Qian et al., 2025); 1 for all at once.
    pub folds: usize,
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
    /// Memory for scores over the vocabulary at once, where a loss reads nothing of them but the log-probabilities of labels:
    /// more are computed in parts, and once more on the way back.
    pub scores_memory: Bytes,
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
            optimizer_bits: 32,
            beta1: 0.9,
            beta2: 0.999,
            eps: 1e-8,
            momentum: 0.0,
            lion: LionSection::default(),
            sophia: SophiaSection::default(),
            smooth: SmoothSection::default(),
            average: AverageSection::default(),
            folds: 1,
            shuffle: true,
            adapter: AdapterKind::None,
            lora: LoraSection::default(),
            layers: Layers::default(),
            parameters: Vec::new(),
            frozen: Frozen::Own,
            gradient_checkpointing: false,
            max_memory: None,
            scores_memory: Bytes(256 << 20),
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
        let positive = [
            ("train.batch_size", self.batch_size),
            ("train.micro_tokens", self.micro_tokens),
            ("train.folds", self.folds),
        ];
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
        self.check_optimizer()?;
        if self.adapter == AdapterKind::Lora && !self.parameters.is_empty() {
            let why = "with adapters, `train.lora.targets` says where they go";
            return Err(RecipeError::value("train.parameters", format!("{:?}", self.parameters), why));
        }
        self.lora.check()
    }

    fn check_optimizer(&self) -> Result<(), RecipeError> {
        if ![8, 32].contains(&self.optimizer_bits) {
            return Err(RecipeError::value("train.optimizer_bits", self.optimizer_bits, "it must be 8 or 32"));
        }
        decays([("train.momentum", self.momentum)])?;
        if self.momentum > 0.0 && self.optimizer != Optimizer::Sgd {
            let why = "only `train.optimizer = \"sgd\"` has it; the others have decays of their own";
            return Err(RecipeError::value("train.momentum", self.momentum, why));
        }
        self.lion.check()?;
        self.sophia.check()?;
        self.smooth.check()?;
        self.average.check()
    }
}
