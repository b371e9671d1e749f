//! Observations on disk, under digests of what they are of: an interrupted examination goes on, and a subject that was
//! examined need not be again.

use std::path::PathBuf;

use serde::Serialize;
use serde::de::DeserializeOwned;
use unlearn_core::digest::Hasher;
use unlearn_core::{FileError, file};
use unlearn_data::TokenRow;
use unlearn_engine::device::arithmetic;

/// Changes whenever the same rows would be seen otherwise.
const VERSION: &str = "unlearn.observations/2";

/// A folder of observations.
#[derive(Debug, Clone, Default)]
pub struct Store(Option<PathBuf>);

impl Store {
    /// Keeps nothing.
    #[must_use]
    pub fn none() -> Self {
        Self(None)
    }

    /// Keeps observations in a folder, which is made when the first comes.
    #[must_use]
    pub fn in_folder(dir: impl Into<PathBuf>) -> Self {
        Self(Some(dir.into()))
    }

    /// What was kept under a key, or else what `look` sees, which is kept.
    pub(super) fn get<T: Serialize + DeserializeOwned, E: From<FileError>>(
        &self,
        key: Key,
        look: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        let name = key.0.hex();
        match self.read(&name) {
            Some(found) => Ok(found),
            None => {
                let seen = look()?;
                self.write(&name, &seen)?;
                Ok(seen)
            }
        }
    }

    /// What was kept under a key.
    pub(super) fn find<T: DeserializeOwned>(&self, key: Key) -> Option<T> {
        self.read(&key.0.hex())
    }

    /// Keeps something under a key.
    pub(super) fn keep<T: Serialize>(&self, key: Key, seen: &T) -> Result<(), FileError> {
        self.write(&key.0.hex(), seen)
    }

    /// Files that cannot be read count as absent: they may come from a process that was killed, or from another
    /// version.
    fn read<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        file::read_json(&self.path(name)?).ok()
    }

    fn write<T: Serialize>(&self, name: &str, seen: &T) -> Result<(), FileError> {
        let (Some(dir), Some(path)) = (&self.0, self.path(name)) else { return Ok(()) };
        file::create_dir(dir)?;
        file::write_json(&path, seen)
    }

    fn path(&self, name: &str) -> Option<PathBuf> {
        self.0.as_ref().map(|dir| dir.join(format!("{}.json", &name[..32])))
    }
}

/// What an observation is of.
pub(super) struct Key(Hasher);

impl Key {
    pub(super) fn new(subject: &str, kind: &str) -> Self {
        let mut hasher = Hasher::default();
        for field in [VERSION, env!("CARGO_PKG_VERSION"), subject, kind] {
            hasher.field(field.as_bytes());
        }
        hasher.field(arithmetic().as_bytes());
        Self(hasher)
    }

    pub(super) fn number(&mut self, n: usize) {
        self.0.field(&(n as u64).to_le_bytes());
    }

    pub(super) fn text(&mut self, text: &str) {
        self.0.field(text.as_bytes());
    }

    pub(super) fn row(&mut self, row: Option<&TokenRow>) {
        let Some(row) = row else { return self.text("missing") };
        let ids: Vec<u8> = row.ids.iter().flat_map(|id| id.to_le_bytes()).collect();
        let labels: Vec<u8> = row.labels.iter().flat_map(|l| l.to_le_bytes()).collect();
        self.0.field(&ids);
        self.0.field(&labels);
        self.number(row.hidden.map_or(0, |id| id as usize + 1));
    }
}
