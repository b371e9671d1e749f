//! What the fuzz targets share: the counting allocator, the rule, a folder to put files into.

#[path = "../../crates/unlearn-engine/tests/common/allocations.rs"]
pub mod allocations;

use std::path::Path;
use std::sync::OnceLock;

use tempfile::TempDir;

#[global_allocator]
static ALLOCATOR: allocations::Counting = allocations::Counting;

/// Runs a reader under the rule: no single request above 4 times the input and a fixed allowance.
pub fn bounded<T>(input: &[u8], allowance: usize, run: impl FnOnce() -> T) -> T {
    allocations::within(4 * input.len() + allowance, run)
}

/// A folder of this process, in memory where the system has such.
pub fn folder() -> &'static Path {
    static FOLDER: OnceLock<TempDir> = OnceLock::new();
    let make = || tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a folder");
    FOLDER.get_or_init(make).path()
}

/// Writes a file of that folder.
pub fn put(name: &str, content: &[u8]) {
    std::fs::write(folder().join(name), content).expect("a file");
}

/// Puts out of the way whatever could be read instead of the next input.
pub fn clear() {
    for entry in std::fs::read_dir(folder()).expect("the folder").flatten() {
        std::fs::remove_file(entry.path()).expect("removed");
    }
}
