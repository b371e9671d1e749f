//! Trained weights of chosen steps, on disk.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use unlearn_core::file;

use crate::checkpoint::{Entry, Precision, WeightFiles, write_tensors};
use crate::{EngineError, Parameters};

/// The folder with them. A file appears whole or not at all, and goes when neither the run as it is nor the saved state
/// asks for it.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    dir: PathBuf,
}

impl Kept {
    pub(super) fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned() }
    }

    fn path(&self, step: usize) -> PathBuf {
        self.dir.join(name(step))
    }

    /// Keeps the trained parameters as they are after a step.
    pub(super) fn write(&self, parameters: &Parameters, step: usize) -> Result<(), EngineError> {
        file::create_dir(&self.dir)?;
        let entry = |i: usize| Entry {
            name: parameters.specs()[i].name.clone(),
            shape: parameters.specs()[i].shape.to_vec(),
            precision: Precision::F32,
            values: Box::new(move || parameters.values(i)),
            stored: None,
        };
        let entries: Vec<Entry<'_>> = parameters.trained().into_iter().map(entry).collect();
        write_tensors(&self.path(step), &entries)
    }

    /// Puts the parameters that were kept after a step in place.
    pub(super) fn read(&self, parameters: &mut Parameters, step: usize) -> Result<(), EngineError> {
        let files = WeightFiles::open_file(&self.path(step))?;
        for i in parameters.trained() {
            let (name, len) = (parameters.specs()[i].name.clone(), parameters.specs()[i].len());
            let stored = files.read(&name)?.filter(|stored| stored.values.len() == len);
            let stored = stored.ok_or_else(|| EngineError::State {
                path: self.path(step),
                reason: format!("`{name}` is missing or of another shape"),
            })?;
            parameters.update(i, |old| old.copy_from_slice(&stored.values));
        }
        Ok(())
    }

    /// Removes all but those of some steps.
    pub(super) fn remove_others(&self, wanted: &BTreeSet<usize>) {
        let wanted: BTreeSet<String> = wanted.iter().map(|&step| name(step)).collect();
        for entry in std::fs::read_dir(&self.dir).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with("kept-") && !wanted.contains(&name) {
                let _ = std::fs::remove_file(entry.path());
            }
        }
    }
}

fn name(step: usize) -> String {
    format!("kept-{step}.safetensors")
}
