//! Metadata in the making.

use crate::gguf::{Entries, OwnedValue};

/// Keys and values, in the order in which they were set.
#[derive(Default)]
pub(super) struct Keys(Entries);

impl Keys {
    /// Sets a key, in the place of an earlier value.
    pub(super) fn set(&mut self, key: &str, value: OwnedValue) {
        match self.0.iter_mut().find(|(known, _)| known == key) {
            Some((_, old)) => *old = value,
            None => self.0.push((key.to_owned(), value)),
        }
    }

    pub(super) fn into_entries(self) -> Entries {
        self.0
    }
}
