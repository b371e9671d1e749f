//! Finding and reading a benchmark's files, and keeping account of them.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;
use unlearn_core::FileError;
use unlearn_data::{DataError, Row, read};

use super::item::Item;
use super::{BenchmarkError, Loaded, LoadedSet, Source};

/// The forms in which a file of rows is read.
const ENDINGS: [&str; 6] =
    ["jsonl", "json", "parquet", "-00000-of-00001.jsonl", "-00000-of-00001.json", "-00000-of-00001.parquet"];

/// A benchmark that is being read.
pub(super) struct Loading<'a> {
    source: &'a Source,
    benchmark: &'static str,
    published: &'static str,
    pub(super) loaded: Loaded,
}

impl<'a> Loading<'a> {
    /// Begins with a folder that must be there, and sets that must be the benchmark's.
    pub(super) fn of(
        benchmark: &'static str,
        published: &'static str,
        source: &'a Source,
        sets: &[&str],
    ) -> Result<Self, BenchmarkError> {
        if !source.folder.is_dir() {
            return Err(BenchmarkError::Folder { path: source.folder.clone(), published });
        }
        if let Some(name) = source.sets.iter().find(|name| !sets.contains(&name.as_str())) {
            let valid = sets.iter().map(|&s| s.to_owned()).collect();
            return Err(BenchmarkError::Part { benchmark, kind: "set", name: name.clone(), valid });
        }
        Ok(Self { source, benchmark, published, loaded: Loaded::default() })
    }

    /// The part that was asked for, or the first one.
    pub(super) fn split(&mut self, valid: &[&str]) -> Result<String, BenchmarkError> {
        let name = self.source.split.as_deref().or(valid.first().copied()).unwrap_or_default();
        if !valid.contains(&name) {
            return Err(self.no_split(name, valid.iter().map(|&s| s.to_owned()).collect()));
        }
        self.loaded.split = name.to_owned();
        Ok(name.to_owned())
    }

    pub(super) fn no_split(&self, name: &str, valid: Vec<String>) -> BenchmarkError {
        BenchmarkError::Part { benchmark: self.benchmark, kind: "split", name: name.to_owned(), valid }
    }

    pub(super) fn folder(&self) -> &'a Path {
        &self.source.folder
    }

    /// Whether a set is wanted.
    pub(super) fn wants(&self, set: &str) -> bool {
        self.source.sets.is_empty() || self.source.sets.iter().any(|s| s == set)
    }

    /// At most the rows that are wanted of each set.
    pub(super) fn limited(&self, mut rows: Vec<Row>) -> Vec<Row> {
        rows.truncate(self.source.limit.unwrap_or(usize::MAX));
        rows
    }

    /// Adds a set of one file's rows, if it is wanted.
    pub(super) fn add(
        &mut self,
        set: LoadedSet,
        stems: &[String],
        row: impl Fn(&Item) -> Result<Row, String>,
    ) -> Result<(), BenchmarkError> {
        if self.wants(&set.name) {
            let path = self.find(stems)?;
            let rows = self.rows(&path, row)?;
            self.loaded.sets.push(LoadedSet { rows: self.limited(rows), ..set });
        }
        Ok(())
    }

    /// Every row of a file.
    pub(super) fn rows(
        &mut self,
        path: &Path,
        row: impl Fn(&Item) -> Result<Row, String>,
    ) -> Result<Vec<Row>, BenchmarkError> {
        let values = read::values(path);
        self.made(path, values, row)
    }

    /// Every row of a CSV file whose columns have these names, whether or not it says so.
    pub(super) fn table(
        &mut self,
        path: &Path,
        names: &[&str],
        row: impl Fn(&Item) -> Result<Row, String>,
    ) -> Result<Vec<Row>, BenchmarkError> {
        let values = read::table(path, names);
        self.made(path, values, row)
    }

    fn made(
        &mut self,
        path: &Path,
        values: Result<Vec<(usize, Value)>, DataError>,
        row: impl Fn(&Item) -> Result<Row, String>,
    ) -> Result<Vec<Row>, BenchmarkError> {
        let shared = Arc::new(path.to_owned());
        let made = |(index, (line, value)): (usize, (usize, Value))| {
            let bad = |reason| DataError::Row { path: path.to_owned(), line, reason };
            row(&Item::new(Arc::clone(&shared), line, index, value)).map_err(bad)
        };
        let rows = values.and_then(|values| values.into_iter().enumerate().map(made).collect::<Result<Vec<_>, _>>());
        self.loaded.files.push(path.to_owned());
        rows.map_err(|source| self.file(source))
    }

    /// A file that is not what was published.
    pub(super) fn file(&self, source: DataError) -> BenchmarkError {
        BenchmarkError::File { source, published: self.published }
    }

    /// The first file in the folder that has one of the names, without ending.
    pub(super) fn find(&self, stems: &[String]) -> Result<PathBuf, BenchmarkError> {
        let found = stems.iter().find_map(|stem| self.there(stem));
        let first = || self.folder().join(stems.first().map_or("", String::as_str));
        found.ok_or_else(|| self.missing(&ending(&first(), "json")))
    }

    /// The file of a name without ending, if it is there.
    pub(super) fn there(&self, stem: &str) -> Option<PathBuf> {
        ENDINGS.iter().map(|e| ending(&self.folder().join(stem), e)).find(|path| path.is_file())
    }

    pub(super) fn missing(&self, path: &Path) -> BenchmarkError {
        let near = path.ancestors().skip(1).find(|p| p.is_dir()).unwrap_or(self.folder()).to_owned();
        let holds = names(&near).unwrap_or_default();
        BenchmarkError::Missing { path: path.to_owned(), folder: near, holds, published: self.published }
    }

    /// Notes a file to train on, if it is there.
    pub(super) fn training(&mut self, role: &'static str, stem: &str) {
        if let Some(path) = self.there(stem) {
            self.loaded.training.push((role, path));
        }
    }

    /// Notes a set that has not the rows that were published.
    pub(super) fn expect(&mut self, set: &str, published: usize) {
        let rows = self.loaded.sets.iter().find(|s| s.name == set).map(|s| s.rows.len());
        if let Some(rows) = rows.filter(|&n| self.source.limit.is_none() && n != published) {
            self.loaded.notes.push(format!("`{set}` has {rows} rows; {published} are published"));
        }
    }
}

/// A path with an ending that may begin with a dash.
fn ending(path: &Path, ending: &str) -> PathBuf {
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let dot = if ending.starts_with('-') { "" } else { "." };
    path.with_file_name(format!("{name}{dot}{ending}"))
}

/// What a folder holds, sorted; hidden files left out.
pub(super) fn names(folder: &Path) -> Result<Vec<String>, FileError> {
    let entries = fs::read_dir(folder).map_err(|e| FileError::read(folder, e))?;
    let mut names: Vec<String> = entries
        .filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()))
        .filter(|name| !name.starts_with('.'))
        .collect();
    names.sort();
    Ok(names)
}
