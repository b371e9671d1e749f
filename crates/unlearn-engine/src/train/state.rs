//! The state from which an interrupted run goes on: one file, written in one step.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use unlearn_core::file;

use super::update::Update;
use crate::checkpoint::{Entry, Precision, WeightFiles, write_tensors};
use crate::{EngineError, Parameters};

/// A number for each value that is trained, by the parameter's place.
pub(super) trait Saved: Sync {
    /// Numbers of a parameter, as they are saved.
    fn stored_len(&self, i: usize) -> usize;
    /// A parameter's.
    fn stored(&self, i: usize) -> Vec<f32>;
    /// Takes them back, as many as [`Self::stored_len`] says.
    fn restore(&mut self, i: usize, stored: Vec<f32>);
}

impl Saved for Vec<Vec<f32>> {
    fn stored_len(&self, i: usize) -> usize {
        self[i].len()
    }
    fn stored(&self, i: usize) -> Vec<f32> {
        self[i].clone()
    }
    fn restore(&mut self, i: usize, stored: Vec<f32>) {
        self[i] = stored;
    }
}

/// Where a run keeps its state.
#[derive(Debug, Clone)]
pub(super) struct StateFolder {
    dir: PathBuf,
    fingerprint: String,
}

/// What is saved besides tensors.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Counters {
    pub(super) step: usize,
    pub(super) tokens: u64,
    pub(super) seconds: f64,
    fingerprint: String,
    /// The file with weights and state tensors that belongs to these counters.
    tensors: String,
    /// What the objective has learned, bit by bit.
    #[serde(default)]
    learned: Vec<u64>,
    /// What the watch over the run has seen, bit by bit.
    #[serde(default)]
    watched: Vec<u64>,
}

impl Counters {
    /// What the objective has learned.
    pub(super) fn learned(&self) -> Vec<f64> {
        self.learned.iter().copied().map(f64::from_bits).collect()
    }

    /// What the watch over the run has seen.
    pub(super) fn watched(&self) -> Vec<f64> {
        self.watched.iter().copied().map(f64::from_bits).collect()
    }
}

impl StateFolder {
    pub(super) fn new(dir: &Path, fingerprint: &str) -> Self {
        Self { dir: dir.to_owned(), fingerprint: fingerprint.to_owned() }
    }

    fn counters(&self) -> PathBuf {
        self.dir.join("state.json")
    }

    /// Saves. The tensors go to a file of their own name first; the small file that names it decides.
    pub(super) fn save(
        &self,
        parameters: &Parameters,
        update: &Update,
        (tokens, seconds): (u64, f64),
        (learned, watched): (&[f64], &[f64]),
    ) -> Result<(), EngineError> {
        file::create_dir(&self.dir)?;
        let step = update.steps();
        let tensors = format!("step-{step}.safetensors");
        let entry = |kind: &str, i: usize, shape, values| {
            let name = format!("{kind}.{}", parameters.specs()[i].name);
            Entry { name, shape, precision: Precision::F32, values, stored: None }
        };
        let mut entries: Vec<Entry<'_>> = Vec::new();
        let state = update.state();
        for i in parameters.trained() {
            let shape = parameters.specs()[i].shape.to_vec();
            entries.push(entry("weight", i, shape, Box::new(move || parameters.values(i))));
            for &(name, saved) in &state {
                entries.push(entry(name, i, vec![saved.stored_len(i)], Box::new(move || saved.stored(i))));
            }
        }
        write_tensors(&self.dir.join(&tensors), &entries)?;
        let fingerprint = self.fingerprint.clone();
        let bits = |numbers: &[f64]| numbers.iter().map(|x| x.to_bits()).collect();
        let (learned, watched) = (bits(learned), bits(watched));
        let counters = Counters { step, tokens, seconds, fingerprint, tensors: tensors.clone(), learned, watched };
        file::write_json(&self.counters(), &counters)?;
        self.remove_others(&tensors);
        Ok(())
    }

    fn remove_others(&self, keep: &str) {
        for entry in std::fs::read_dir(&self.dir).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if (name.starts_with("step-") || name.starts_with('.')) && name != keep {
                let _ = std::fs::remove_file(entry.path());
            }
        }
    }

    /// Puts the saved weights and state tensors in place; `None` when nothing was saved yet.
    pub(super) fn load(
        &self,
        parameters: &mut Parameters,
        update: &mut Update,
    ) -> Result<Option<Counters>, EngineError> {
        if !self.counters().exists() {
            return Ok(None);
        }
        let counters: Counters = file::read_json(&self.counters())?;
        let foreign = |reason: &str| EngineError::State { path: self.dir.clone(), reason: reason.into() };
        if counters.fingerprint != self.fingerprint {
            return Err(foreign("the recipe, the data or the model has changed since"));
        }
        let files = WeightFiles::open_file(&self.dir.join(&counters.tensors))?;
        let read = |kind: &str, name: &str, len: usize| match files.read(&format!("{kind}.{name}"))? {
            Some(stored) if stored.values.len() == len => Ok(stored.values),
            _ => Err(foreign("a tensor is missing or of another shape")),
        };
        for i in parameters.trained() {
            let spec = parameters.specs()[i].clone();
            let values = read("weight", &spec.name, spec.len())?;
            parameters.update(i, |old| old.copy_from_slice(&values));
        }
        for (kind, saved) in update.restore(counters.step) {
            for i in parameters.trained() {
                saved.restore(i, read(kind, &parameters.specs()[i].name, saved.stored_len(i))?);
            }
        }
        Ok(Some(counters))
    }
}
