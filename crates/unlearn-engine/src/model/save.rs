//! Writing a model.

use std::cell::RefCell;
use std::path::Path;

use unlearn_data::Guard;

use super::LanguageModel;
use crate::EngineError;
use crate::adapter::{self, peft};
use crate::checkpoint::{
    Entry, Precision, Stored, Tensors, copy_folder, fill_folder, map_file, write_folder, write_neighbour,
};
use crate::decoder::Spec;
use crate::gguf::{self, Checkpoint, TensorKind};

impl LanguageModel {
    /// Writes the model as a Hugging Face folder, each tensor in its own format.
    ///
    /// # Errors
    /// When the disk is full or the folder cannot be written.
    pub fn save(&self, dir: &Path) -> Result<(), EngineError> {
        write_folder(dir, &self.source, &self.entries())
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

    /// Writes the checkpoint at `base`, from which the model was read, with a guard before it. A folder's files are copied
    /// as they are; of a GGUF file and of an adapter the weights are written as a folder.
    ///
    /// # Errors
    /// As [`Self::save_trained`].
    pub fn save_guarded(&self, base: &Path, dir: &Path, guard: &Guard) -> Result<(), EngineError> {
        let content = guard.to_json();
        if base.is_dir() && peft::base_of(base)?.is_none() {
            return copy_folder(base, dir, (Guard::FILE, &content));
        }
        let mut guarded = self.clone();
        guarded.source.companions.insert(Guard::FILE.to_owned(), content);
        guarded.save_trained(base, dir)
    }

    /// Writes the model as a GGUF file whose matrices are of one type, and says what such a file does not hold of it.
    ///
    /// # Errors
    /// When the family, a setting or the tokenizer has no counterpart in GGUF, the type does not hold a weight, the
    /// disk is full or the file cannot be written. No half file is left.
    pub fn save_gguf(&self, path: &Path, kind: TensorKind) -> Result<Vec<String>, EngineError> {
        let tokenizer = self.source.tokenizer_files(&self.path)?;
        // A folder's name may hold a dot, as in `SmolLM2-1.7B`.
        let name = if self.path.is_file() { self.path.file_stem() } else { self.path.file_name() };
        let name = name.map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let (source, decoder) = (&self.source.config, self.decoder.config());
        let exported = gguf::export(&name, source, decoder, tokenizer.as_ref(), self.entries(), kind);
        let mut exported = exported.map_err(|source| EngineError::WriteGguf { path: path.to_owned(), source })?;
        if self.guard.is_some() {
            exported
                .notes
                .push(format!("the file has no place for the guard (`{}`): it stands unguarded", Guard::FILE));
        }
        gguf::write(path, &exported.metadata, &exported.tensors)?;
        Ok(exported.notes)
    }

    /// The type that most of the model's weights had on disk, if that is one of the plain floats.
    #[must_use]
    pub fn common_precision(&self) -> Option<Precision> {
        if self.source.quantised {
            return None;
        }
        let mut counts = [(Precision::F32, 0), (Precision::F16, 0), (Precision::Bf16, 0)];
        for spec in self.decoder.specs() {
            let precision = self.source.precision_of(&spec.name);
            counts.iter_mut().filter(|(p, _)| *p == precision).for_each(|(_, count)| *count += spec.len());
        }
        counts.into_iter().max_by_key(|(_, count)| *count).map(|(precision, _)| precision)
    }

    pub(crate) fn entries(&self) -> Vec<Entry<'_>> {
        let specs = self.decoder.specs().iter().enumerate();
        specs.map(|(i, spec)| self.entry(spec, move || spec.to_disk(self.parameters.values(i)))).collect()
    }

    fn entry<'a>(&self, spec: &Spec, values: impl Fn() -> Vec<f32> + 'a) -> Entry<'a> {
        Entry {
            name: spec.name.clone(),
            shape: spec.disk_shape(),
            precision: self.source.precision_of(&spec.name),
            values: Box::new(values),
            stored: None,
        }
    }

    fn write(&self, dir: &Path, base: Option<(&Tensors<'_>, &Path)>) -> Result<(), EngineError> {
        let stored = match base {
            Some((tensors, path)) => tensors.names_of(&self.decoder, path)?,
            None => Vec::new(),
        };
        // A tensor is asked for while the file is written: what fails then takes the file back.
        let failed = RefCell::new(None);
        let note = &failed;
        let entry = |(i, spec): (usize, &Spec)| {
            let from_base = base.filter(|_| !self.parameters.is_trained(i)).map(|(tensors, _)| (tensors, &stored[i]));
            let values = move || {
                let spec = &self.parameters.specs()[i];
                let own = || spec.to_disk(self.parameters.values(i));
                let mut values = match from_base.map(|(tensors, name)| tensors.read(name)) {
                    Some(Ok(Some(Stored { values, .. }))) => values,
                    Some(Err(e)) => {
                        note.replace(Some(e));
                        own()
                    }
                    // Of a checkpoint it is there: its names were looked up above.
                    Some(Ok(None)) | None => own(),
                };
                if let Some(delta) = adapter::delta(&self.parameters, i) {
                    values.iter_mut().zip(spec.to_disk(delta)).for_each(|(x, d)| *x += d);
                }
                values
            };
            let mut entry = self.entry(spec, values);
            if let Some((tensors, name)) = from_base.filter(|_| self.parameters.adapter(i).is_none()) {
                let precision = entry.precision;
                entry.stored = Some(Box::new(move || tensors.bytes(name, precision)));
            }
            entry
        };
        let entries: Vec<Entry<'_>> = self.decoder.specs().iter().enumerate().map(entry).collect();
        write_neighbour(dir, |part| {
            fill_folder(part, &self.source, &entries)?;
            failed.take().map_or(Ok(()), Err)
        })
    }
}
