//! What several runs of one model have in common, kept in a folder beside them.

use std::path::{Path, PathBuf};

/// Where the reference's answers lie.
pub fn reference(dir: &Path) -> PathBuf {
    dir.join("reference")
}

/// Where observations lie: those of the model before are the same for all.
pub fn observations(dir: &Path) -> PathBuf {
    dir.join("observations")
}
