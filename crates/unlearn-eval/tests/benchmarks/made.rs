//! Made-up folders of files, and published ones.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use unlearn_eval::benchmarks::{BenchmarkError, Loaded, LoadedSet, Source, by_name};

/// A folder of made-up files.
pub struct Made(TempDir);

impl Made {
    pub fn new() -> Self {
        Self(TempDir::new().expect("temp dir"))
    }

    pub fn with(self, path: &str, content: impl AsRef<[u8]>) -> Self {
        self.write(path, content);
        self
    }

    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, content).expect("writes");
    }

    pub fn remove(&self, path: &str) {
        fs::remove_file(self.path(path)).expect("removes");
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    pub fn source(&self, split: Option<&str>) -> Source {
        Source { split: split.map(str::to_owned), ..Source::new(self.0.path()) }
    }
}

pub fn load(benchmark: &str, source: &Source) -> Result<Loaded, BenchmarkError> {
    (by_name(benchmark).expect("a benchmark").load)(source)
}

/// Loads, and holds the error and its hint to all of `expected`.
pub fn refused(benchmark: &str, source: &Source, expected: &[&str]) {
    let error = load(benchmark, source).expect_err("refused");
    let said = format!("{error}\nhint: {}", error.hint().expect("a hint"));
    for part in expected {
        assert!(said.contains(part), "{said}\ndoes not say {part}");
    }
}

pub fn set<'a>(loaded: &'a Loaded, name: &str) -> &'a LoadedSet {
    loaded.sets.iter().find(|set| set.name == name).unwrap_or_else(|| panic!("no set `{name}`"))
}

/// Each set's name with the number of its rows.
pub fn sizes(loaded: &Loaded) -> Vec<(&str, usize)> {
    loaded.sets.iter().map(|set| (set.name.as_str(), set.rows.len())).collect()
}

/// `{question, answer}`, numbered.
pub fn questions(n: usize, more: &str) -> String {
    (0..n).map(|i| format!("{{\"question\": \"Who is {i}?\", \"answer\": \"Number {i}.\"{more}}}\n")).collect()
}

/// The bytes of a parquet file of `testdata`.
pub fn parquet(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/parquet");
    fs::read(folder.join(format!("{name}.parquet"))).expect("a parquet file")
}

/// A folder of published files beside the repository, if it is there.
pub fn shared(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(name);
    if !path.is_dir() {
        println!("skipped: `{}` is not there", path.display());
        return None;
    }
    Some(path)
}
