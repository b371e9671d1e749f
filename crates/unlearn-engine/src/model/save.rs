//! Writing a model.

use std::path::Path;

use super::LanguageModel;
use crate::EngineError;
use crate::adapter::{self, peft};
use crate::checkpoint::{Entry, Source, Stored, Tensors, map_file, write_folder};
use crate::gguf::Checkpoint;

impl LanguageModel {
    /// Writes the model as a Hugging Face folder, each tensor in its own format.
    ///
    /// # Errors
    /// When the disk is full or the folder cannot be written.
    pub fn save(&self, dir: &Path) -> Result<(), EngineError> {
        self.write(dir, None)
    }

    /// Writes what training made of the checkpoint at `base`: its trained parameters, its adapters merged, and all
    /// else as it stands in that checkpoint, whatever was kept of it in memory. One tensor's copy exists at a time.
    ///
    /// # Errors
    /// When the checkpoint has changed since, the disk is full or the folder cannot be written.
    pub fn save_trained(&self, base: &Path, dir: &Path) -> Result<(), EngineError> {
        if base.is_file() {
            let map = map_file(base)?;
            let file = Checkpoint::parse(&map).map_err(|source| EngineError::Gguf { path: base.to_owned(), source })?;
            return self.write(dir, Some((&Tensors::gguf(file), base)));
        }
        if peft::base_of(base)?.is_some() {
            // It was merged when it was read: no file holds these weights.
            return self.write(dir, None);
        }
        self.write(dir, Some((&Tensors::folder(base)?, base)))
    }

    fn write(&self, dir: &Path, base: Option<(&Tensors<'_>, &Path)>) -> Result<(), EngineError> {
        let stored = match base {
            Some((tensors, path)) => tensors.names_of(&self.decoder, path)?,
            None => Vec::new(),
        };
        let entry = |(i, spec): (usize, &crate::decoder::Spec)| {
            let from_base = base.filter(|_| !self.parameters.is_trained(i)).map(|(tensors, _)| (tensors, &stored[i]));
            let values = move || {
                let spec = &self.parameters.specs()[i];
                let own = || spec.to_disk(self.parameters.values(i));
                let mut values = match from_base.map(|(tensors, name)| tensors.read(name)) {
                    // Its presence, shape and format were checked when the model was read.
                    Some(Ok(Some(Stored { values, .. }))) => values,
                    _ => own(),
                };
                if let Some(delta) = adapter::delta(&self.parameters, i) {
                    values.iter_mut().zip(spec.to_disk(delta)).for_each(|(x, d)| *x += d);
                }
                values
            };
            Entry {
                name: spec.name.clone(),
                shape: spec.disk_shape(),
                precision: self.source.precision_of(&spec.name),
                values: Box::new(values),
            }
        };
        let entries: Vec<Entry<'_>> = self.decoder.specs().iter().enumerate().map(entry).collect();
        let source: &Source = &self.source;
        write_folder(dir, source, &entries)
    }
}
