//! Benchmarks: data with a version, one loader a file, one line here.
//!
//! A set whose name is `forget` or begins with `forget-` holds what must go. Membership attacks are of the sets `forget`
//! and `holdout`.

mod error;
pub mod eval_files;
mod item;
mod loading;
mod mmlu;
mod muse;
mod rwku;
mod tofu;
mod wikitext;
mod windows;
mod wmdp;

use std::path::PathBuf;

use unlearn_core::UnknownName;
use unlearn_core::registry::{self, Named};
use unlearn_data::Row;

use crate::EvalSet;

pub use error::BenchmarkError;

/// One benchmark.
pub struct Benchmark {
    /// Its name: file stem, and what the user types.
    pub name: &'static str,
    /// Goes up when the same files would give other rows, or other metrics.
    pub version: u32,
    /// Its page in the manual, as Markdown.
    pub page: &'static str,
    /// Reads its sets.
    pub load: fn(&Source) -> Result<Loaded, BenchmarkError>,
}

impl Named for Benchmark {
    fn name(&self) -> &'static str {
        self.name
    }
}

/// Every benchmark, in the order in which they are listed.
pub static BENCHMARKS: &[Benchmark] =
    &[tofu::BENCHMARK, muse::BENCHMARK, wmdp::BENCHMARK, rwku::BENCHMARK, mmlu::BENCHMARK, wikitext::BENCHMARK];

/// The benchmark of this name.
///
/// # Errors
/// When there is none; the nearest name is offered.
pub fn by_name(name: &str) -> Result<&'static Benchmark, UnknownName> {
    registry::find("benchmark", BENCHMARKS, name)
}

/// Where a benchmark's files are, and how much of them is wanted.
#[derive(Debug, Clone, Default)]
pub struct Source {
    /// The folder that holds them.
    pub folder: PathBuf,
    /// Which part of the benchmark; its own default when `None`.
    pub split: Option<String>,
    /// At most so many rows of each set, the first ones.
    pub limit: Option<usize>,
    /// The sets that are wanted; all when empty. Files of other sets need not be there.
    pub sets: Vec<String>,
}

impl Source {
    /// All of a benchmark's default part.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), ..Self::default() }
    }
}

/// What a benchmark's files hold.
#[derive(Debug, Clone, Default)]
pub struct Loaded {
    /// The part that was read.
    pub split: String,
    /// Its sets.
    pub sets: Vec<LoadedSet>,
    /// Metrics that are taken once, beside those of the sets.
    pub once: Vec<&'static str>,
    /// The files that were read, in order.
    pub files: Vec<PathBuf>,
    /// Files to train on by what they are for (`train`, `forget`, `retain`), of those that are there. They were not read.
    pub training: Vec<(&'static str, PathBuf)>,
    /// What keeps the figures from being the benchmark's own, such as files of fewer rows than were published.
    pub notes: Vec<String>,
}

impl Loaded {
    /// Every metric that is taken, of sets or once, in the order in which they come up.
    #[must_use]
    pub fn metrics(&self) -> Vec<&'static str> {
        let mut names = Vec::new();
        for &name in self.sets.iter().flat_map(|set| &set.metrics).chain(&self.once) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }
}

/// One set of a benchmark.
#[derive(Debug, Clone, Default)]
pub struct LoadedSet {
    /// Its name.
    pub name: String,
    /// Its rows.
    pub rows: Vec<Row>,
    /// The metrics that are taken on it.
    pub metrics: Vec<&'static str>,
    /// Texts before the first of which an answer ends.
    pub stop: Vec<String>,
    /// The longest answer; `None` where none is asked for.
    pub max_new_tokens: Option<usize>,
}

impl LoadedSet {
    fn new(name: &str, rows: Vec<Row>, metrics: &[&'static str]) -> Self {
        Self { name: name.to_owned(), rows, metrics: metrics.to_vec(), ..Self::default() }
    }

    /// The set with answers of at most so many tokens, that end before the first of `stop`.
    fn answered(self, max_new_tokens: usize, stop: &[&str]) -> Self {
        let stop = stop.iter().map(|&s| s.to_owned()).collect();
        Self { max_new_tokens: Some(max_new_tokens), stop, ..self }
    }
}

impl From<LoadedSet> for EvalSet {
    fn from(set: LoadedSet) -> Self {
        let LoadedSet { name, rows, metrics, stop, max_new_tokens } = set;
        Self { name, rows, metrics: metrics.into_iter().map(str::to_owned).collect(), stop, max_new_tokens }
    }
}
