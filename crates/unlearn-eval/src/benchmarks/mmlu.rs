//! `mmlu`

use std::path::{Path, PathBuf};

use unlearn_data::Row;

use super::item::Item;
use super::loading::{Loading, names};
use super::{Benchmark, BenchmarkError, Loaded, LoadedSet, Source};

pub(super) const BENCHMARK: Benchmark = Benchmark { name: "mmlu", version: 1, page: PAGE, load };

const PAGE: &str = "\
# Idea

Exam questions of 57 subjects: whether a model that was made to forget still knows the rest, and the subjects next to \
what it forgot.

# Data

Published at https://people.eecs.berkeley.edu/~hendrycks/data.tar (`hendrycks/test`) under the MIT licence, as CSV \
files without a header: question, four choices, the letter of the right one. The folder holds `test/`, `dev/` and \
`val/` with a file `SUBJECT_test.csv` and its like for each subject, itself or under `data/`. Files with the header \
`question,choice0,choice1,choice2,choice3,answer` and an index from 0 are read too, and so are the parquet files of \
https://huggingface.co/datasets/cais/mmlu: `SUBJECT/test-00000-of-00001.parquet` and its like (`dev`, `validation`) or, \
where no subject has a folder, those in `all/`.

# Sets

One, `world-knowledge`: every subject that is there; a row's `entity` is its subject. Splits `test` (the default, 14042 \
rows), `dev` (285), `val` (1531), or the name of a subject, of its test.

# Metrics

`choice`, `choice-normalised`.

# Published numbers

Average over the test: GPT-2 32.4 % (fine-tuned on other questions), GPT-3 175B 43.9 % (five examples), guessing 25 %.

# Paper

Hendrycks et al., *Measuring massive multitask language understanding*, 2021, arXiv 2009.03300.

# Deviations

The published figures are of a prompt with five examples that lists the choices under letters, and of the letters' \
likelihoods; `choice` scores the choices' texts after the bare question. The mean is over questions, not subjects.
";

const PUBLISHED: &str = "https://people.eecs.berkeley.edu/~hendrycks/data.tar";
const SET: &str = "world-knowledge";
const SUBJECTS: usize = 57;
const PARTS: [&str; 3] = ["test", "dev", "val"];
/// The folder of every subject together.
const ALL: &str = "all";
const COLUMNS: [&str; 6] = ["question", "choice0", "choice1", "choice2", "choice3", "answer"];

fn load(source: &Source) -> Result<Loaded, BenchmarkError> {
    let mut loading = Loading::of(BENCHMARK.name, PUBLISHED, source, &[SET])?;
    let split = source.split.clone().unwrap_or_else(|| PARTS[0].to_owned());
    let part = if PARTS.contains(&split.as_str()) { split.as_str() } else { PARTS[0] };
    let mut files = files(&loading, part)?;
    let mut known: Vec<String> = files.iter().map(|(name, _)| name.clone()).filter(|name| name != ALL).collect();
    if part != split {
        files.retain(|(name, _)| *name == split || name == ALL);
    }
    let mut rows = Vec::new();
    for (name, path) in &files {
        rows.extend(questions(&mut loading, name, path)?);
    }
    known.extend(rows.iter().filter_map(|row| row.entity.clone()));
    known.sort();
    known.dedup();
    if part == split {
        if known.len() != SUBJECTS {
            loading.loaded.notes.push(format!("{} of {SUBJECTS} subjects are there", known.len()));
        }
    } else {
        rows.retain(|row| row.entity.as_ref() == Some(&split));
        if rows.is_empty() {
            return Err(loading.no_split(&split, PARTS.map(str::to_owned).into_iter().chain(known).collect()));
        }
    }
    let set = LoadedSet::new(SET, loading.limited(rows), &["choice", "choice-normalised"]);
    loading.loaded.sets.push(set);
    loading.loaded.split = split;
    Ok(loading.loaded)
}

/// The rows of a file, each of the subject that it names, or else of the file's.
fn questions(loading: &mut Loading<'_>, name: &str, path: &Path) -> Result<Vec<Row>, BenchmarkError> {
    let question = |item: &Item| {
        let subject = item.optional("subject")?.unwrap_or_else(|| name.to_owned());
        Ok(Row { entity: Some(subject), ..item.as_choice()? })
    };
    match path.extension().is_some_and(|e| e == "csv") {
        true => loading.table(path, &COLUMNS, question),
        false => loading.rows(path, question),
    }
}

/// Each subject of a part with its file, sorted; or the one file of all of them.
fn files(loading: &Loading<'_>, part: &str) -> Result<Vec<(String, PathBuf)>, BenchmarkError> {
    let folders = [part.to_owned(), format!("data/{part}"), ".".to_owned()].map(|f| loading.folder().join(f));
    for folder in folders.iter().filter(|f| f.is_dir()) {
        let subject = |name: &String| Some((name.strip_suffix(&format!("_{part}.csv"))?.to_owned(), folder.join(name)));
        let found: Vec<_> = names(folder)?.iter().filter_map(subject).collect();
        if !found.is_empty() {
            return Ok(found);
        }
    }
    let published = if part == "val" { "validation" } else { part };
    let in_folder = |name: String| Some((name.clone(), loading.there(&format!("{name}/{published}"))?));
    let (together, mut apart): (Vec<_>, Vec<_>) =
        names(loading.folder())?.into_iter().filter_map(in_folder).partition(|(name, _)| name == ALL);
    if apart.is_empty() {
        apart = together;
    }
    match apart.is_empty() {
        true => Err(loading.missing(&folders[0].join(format!("abstract_algebra_{part}.csv")))),
        false => Ok(apart),
    }
}
