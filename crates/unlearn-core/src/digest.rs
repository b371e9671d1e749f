//! SHA-256 digests, in the hexadecimal form that `sha256sum` prints.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::FileError;

/// A running SHA-256 digest.
#[derive(Clone, Default)]
pub struct Hasher(Sha256);

impl Hasher {
    /// Adds bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Adds a field with its length, so that neighbouring fields cannot run into each other.
    pub fn field(&mut self, bytes: &[u8]) {
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    /// The digest as 64 lower-case hexadecimal digits.
    pub fn hex(self) -> String {
        self.0.finalize().iter().map(|b| format!("{b:02x}")).collect()
    }
}

/// Digest of bytes in memory.
pub fn of_bytes(bytes: &[u8]) -> String {
    let mut hasher = Hasher::default();
    hasher.update(bytes);
    hasher.hex()
}

/// Digest of a file's content.
///
/// # Errors
/// When the file cannot be opened or read.
pub fn of_file(path: &Path) -> Result<String, FileError> {
    let mut file = File::open(path).map_err(|e| FileError::read(path, e))?;
    let mut hasher = Hasher::default();
    let mut buffer = vec![0u8; 1 << 20];
    loop {
        let n = file.read(&mut buffer).map_err(|e| FileError::read(path, e))?;
        if n == 0 {
            return Ok(hasher.hex());
        }
        hasher.update(&buffer[..n]);
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn agrees_with_sha256sum() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(super::of_bytes(b""), empty);
    }
}
