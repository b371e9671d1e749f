//! The checksum that an etag is.

use sha1::{Digest, Sha1};
use unlearn_core::digest::Hasher;

use crate::name::is_hex;

/// A running checksum of the kind that the etag names.
pub(crate) enum Check {
    /// Large files: SHA-256 of the content.
    Sha256(Hasher),
    /// Files kept in git: SHA-1 of git's blob, which is a header with the length, and the content.
    GitBlob(Sha1),
    /// The etag is no checksum: the length is all that can be verified.
    Length,
}

impl Check {
    /// Begins the checksum of a file of `size` bytes.
    pub fn new(etag: &str, size: u64) -> Self {
        if is_hex(etag, 64) {
            return Self::Sha256(Hasher::default());
        }
        if is_hex(etag, 40) {
            return Self::GitBlob(Sha1::new_with_prefix(format!("blob {size}\0")));
        }
        Self::Length
    }

    /// Adds bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(hasher) => hasher.update(bytes),
            Self::GitBlob(hasher) => hasher.update(bytes),
            Self::Length => {}
        }
    }

    /// The checksum in hexadecimal; `None` where there is none to compare with.
    pub fn finish(self) -> Option<String> {
        match self {
            Self::Sha256(hasher) => Some(hasher.hex()),
            Self::GitBlob(hasher) => Some(hasher.finalize().iter().map(|b| format!("{b:02x}")).collect()),
            Self::Length => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_git_and_sha256sum() {
        let of = |etag: &str| {
            let mut check = Check::new(etag, 6);
            check.update(b"hel");
            check.update(b"lo\n");
            check.finish()
        };
        // `printf 'hello\n' | git hash-object --stdin`, and `| sha256sum`.
        assert_eq!(of(&"0".repeat(40)).as_deref(), Some("ce013625030ba8dba906f756967f9e9ca394464a"));
        let sha256 = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";
        assert_eq!(of(&"0".repeat(64)).as_deref(), Some(sha256));
        assert_eq!(of("686897696a7c876b7e"), None);
    }
}
