//! `mmlu`

use std::path::PathBuf;

use unlearn_data::Row;

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
`question,choice0,choice1,choice2,choice3,answer` and an index from 0 are read too.

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
const COLUMNS: [&str; 6] = ["question", "choice0", "choice1", "choice2", "choice3", "answer"];

fn load(source: &Source) -> Result<Loaded, BenchmarkError> {
    let mut loading = Loading::of(BENCHMARK.name, PUBLISHED, source, &[SET])?;
    let split = source.split.clone().unwrap_or_else(|| PARTS[0].to_owned());
    let part = if PARTS.contains(&split.as_str()) { split.as_str() } else { PARTS[0] };
    let mut subjects = subjects(&loading, part)?;
    if part != split {
        let all: Vec<String> = subjects.iter().map(|(name, _)| name.clone()).collect();
        subjects.retain(|(name, _)| *name == split);
        if subjects.is_empty() {
            let valid = PARTS.map(str::to_owned).into_iter().chain(all).collect();
            return Err(loading.no_split(&split, valid));
        }
    } else if subjects.len() != SUBJECTS {
        loading.loaded.notes.push(format!("{} of {SUBJECTS} subjects are there", subjects.len()));
    }
    let mut rows = Vec::new();
    for (subject, path) in &subjects {
        let read =
            loading.table(path, &COLUMNS, |item| Ok(Row { entity: Some(subject.clone()), ..item.as_choice()? }))?;
        rows.extend(read);
    }
    let set = LoadedSet::new(SET, loading.limited(rows), &["choice", "choice-normalised"]);
    loading.loaded.sets.push(set);
    loading.loaded.split = split;
    Ok(loading.loaded)
}

/// Each subject of a part with its file, sorted.
fn subjects(loading: &Loading<'_>, part: &str) -> Result<Vec<(String, PathBuf)>, BenchmarkError> {
    let folders = [part.to_owned(), format!("data/{part}"), ".".to_owned()].map(|f| loading.folder().join(f));
    for folder in folders.iter().filter(|f| f.is_dir()) {
        let subject = |name: &String| Some((name.strip_suffix(&format!("_{part}.csv"))?.to_owned(), folder.join(name)));
        let found: Vec<_> = names(folder)?.iter().filter_map(subject).collect();
        if !found.is_empty() {
            return Ok(found);
        }
    }
    Err(loading.missing(&folders[0].join(format!("abstract_algebra_{part}.csv")), None))
}
