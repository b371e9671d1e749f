//! The run folder and its record.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::event::{KeptBy, StopReason};
use crate::file::{self, FileError};
use crate::recipe::Precision;

/// The content of `run.json`: enough to say what was done, with what, and at what cost.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// Always [`RunRecord::SCHEMA`].
    pub schema: String,
    /// `train`, `run` or `eval`.
    pub command: String,
    /// The command line that a user can repeat.
    pub argv: Vec<String>,
    /// Versions of this program and of what its numbers depend on.
    pub versions: BTreeMap<String, String>,
    /// Where it ran.
    pub device: String,
    /// Threads that computed.
    pub threads: usize,
    /// The precision of products of matrices: that of the recipe, or float32 where the machine had no other.
    #[serde(default)]
    pub precision: Precision,
    /// The seed.
    pub seed: u64,
    /// SHA-256 of each input, by role (`model`, `forget`, …).
    pub inputs: BTreeMap<String, String>,
    /// SHA-256 of each output, by role (`model`).
    pub outputs: BTreeMap<String, String>,
    /// What it cost.
    pub cost: Cost,
    /// Which weights a watched run ended with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<KeptWeights>,
    /// Whether the run came to its end.
    pub finished: bool,
}

impl RunRecord {
    /// The schema and version of this file.
    pub const SCHEMA: &str = "unlearn.run/1";
}

/// Which weights a watched run ended with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptWeights {
    /// The step after which the model had them.
    pub step: usize,
    /// Steps taken in all.
    pub steps: usize,
    /// Why these.
    pub by: KeptBy,
    /// Why training ended before its last step, if it did.
    pub stopped: Option<StopReason>,
}

/// What a run cost.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// Wall-clock seconds, interrupted parts included.
    pub seconds: f64,
    /// Tokens that training took through the model, padding not counted.
    pub tokens: u64,
    /// Peak resident memory in bytes, where the system tells it.
    pub peak_memory: Option<u64>,
    /// Floating-point operations, estimated as 2 per weight and token forwards and 4 backwards.
    pub flops: f64,
}

/// The folder that a run leaves, and the names in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunFolder(PathBuf);

impl RunFolder {
    /// The run folder at `path`, which need not exist yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.0
    }
    /// `recipe.toml`: what was asked for, with every default filled in.
    pub fn recipe(&self) -> PathBuf {
        self.0.join("recipe.toml")
    }
    /// `run.json`: the record.
    pub fn record(&self) -> PathBuf {
        self.0.join("run.json")
    }
    /// `events.jsonl`: what happened.
    pub fn events(&self) -> PathBuf {
        self.0.join("events.jsonl")
    }
    /// `model/`: the checkpoint, in Hugging Face layout.
    pub fn model(&self) -> PathBuf {
        self.0.join("model")
    }
    /// `adapter/`: the adapters that were trained, in PEFT's layout.
    pub fn adapter(&self) -> PathBuf {
        self.0.join("adapter")
    }
    /// `last-good/`: the weights before training diverged, as a checkpoint.
    pub fn last_good(&self) -> PathBuf {
        self.0.join("last-good")
    }
    /// `eval.json`: scores of the subject, after.
    pub fn eval(&self) -> PathBuf {
        self.0.join("eval.json")
    }
    /// `eval-before.json`: scores of the reference, where a run took them.
    pub fn eval_before(&self) -> PathBuf {
        self.0.join("eval-before.json")
    }
    /// `eval-retrained.json`: scores of the retrained model, where it was examined beside the subject.
    pub fn eval_retrained(&self) -> PathBuf {
        self.0.join("eval-retrained.json")
    }
    /// `answers-retrained.jsonl`: what the retrained model answered.
    pub fn answers_retrained(&self) -> PathBuf {
        self.0.join("answers-retrained.jsonl")
    }
    /// `attacks.json`: what attacks brought back.
    pub fn attacks(&self) -> PathBuf {
        self.0.join("attacks.json")
    }
    /// `answers.jsonl`: what the subject answered.
    pub fn answers(&self) -> PathBuf {
        self.0.join("answers.jsonl")
    }
    /// `answers-before.jsonl`: what the reference answered, where a run asked it.
    pub fn answers_before(&self) -> PathBuf {
        self.0.join("answers-before.jsonl")
    }
    /// `alternates.jsonl`: other answers to the forget questions that the model was asked for.
    pub fn alternates(&self) -> PathBuf {
        self.0.join("alternates.jsonl")
    }
    /// `state/reference/`: what was asked of the reference.
    pub fn reference_cache(&self) -> PathBuf {
        self.state().join("reference")
    }
    /// `state/observations/`: what was seen of subjects.
    pub fn observations(&self) -> PathBuf {
        self.state().join("observations")
    }
    /// `report.html`.
    pub fn report(&self) -> PathBuf {
        self.0.join("report.html")
    }
    /// `state/`: what a resumption needs; removed when the run is finished.
    pub fn state(&self) -> PathBuf {
        self.0.join("state")
    }

    /// Whether the folder already holds a run (finished or not).
    pub fn holds_run(&self) -> bool {
        self.record().exists() || self.recipe().exists()
    }

    /// Whether the folder is missing or empty, that is, free for a new run.
    pub fn is_free(&self) -> bool {
        std::fs::read_dir(&self.0).map_or(!self.0.exists(), |mut d| d.next().is_none())
    }

    /// Reads `run.json`.
    ///
    /// # Errors
    /// When there is none or it is not one.
    pub fn read_record(&self) -> Result<RunRecord, FileError> {
        file::read_json(&self.record())
    }
}
