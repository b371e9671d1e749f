//! `muse`

use unlearn_data::{Content, Row};

use super::item::Item;
use super::loading::Loading;
use super::windows::{LONGEST, windows};
use super::{Benchmark, BenchmarkError, Loaded, LoadedSet, Source};

pub(super) const BENCHMARK: Benchmark = Benchmark { name: "muse", version: 1, page: include_str!("muse.md"), load };

const PUBLISHED: &str =
    "https://huggingface.co/datasets/muse-bench/MUSE-News and https://huggingface.co/datasets/muse-bench/MUSE-Books";
/// Each corpus: its split, and the folder of its dataset.
const CORPORA: [(&str, &str); 2] = [("news", "MUSE-News"), ("books", "MUSE-Books")];
const SPLITS: [&str; 6] = ["news", "books", "news-raw", "books-raw", "news-scal", "news-sust"];
const SETS: [&str; 18] = [
    "forget-verbatim",
    "forget-knowledge",
    "retain-knowledge",
    "forget",
    "retain",
    "holdout",
    "forget-raw",
    "retain1-raw",
    "retain2-raw",
    "holdout-raw",
    "forget-scal-1",
    "forget-scal-2",
    "forget-scal-3",
    "forget-scal-4",
    "forget-sust-1",
    "forget-sust-2",
    "forget-sust-3",
    "forget-sust-4",
];
const MEMBERSHIP: [&str; 5] = ["mia/loss", "mia/zlib", "mia/min-k", "mia/min-k-plus-plus", "mia/gradient-norm"];
const VERBATIM: usize = 128;
const SHORT: usize = 32;
/// What begins the next question of a prompt with examples.
const NEXT: [&str; 3] = ["\n\n", "\nQuestion", "Question:"];
const ROWS: usize = 100;

fn load(source: &Source) -> Result<Loaded, BenchmarkError> {
    let mut loading = Loading::of(BENCHMARK.name, PUBLISHED, source, &SETS)?;
    let split = match &source.split {
        Some(_) => loading.split(&SPLITS)?,
        None => the_one_there(&loading)?,
    };
    loading.loaded.split.clone_from(&split);
    let (corpus, kind) = split.split_once('-').unwrap_or((&split, ""));
    let place = place(&loading, corpus);
    match kind {
        "" => evaluation(&mut loading, &place)?,
        "raw" => {
            for (set, file) in
                [("forget", "forget"), ("retain1", "retain1"), ("retain2", "retain2"), ("holdout", "holdout")]
            {
                texts(&mut loading, &format!("{set}-raw"), &format!("{place}raw/{file}"))?;
            }
        }
        folds => {
            for fold in 1..=4 {
                texts(&mut loading, &format!("forget-{folds}-{fold}"), &format!("{place}{folds}/forget_{fold}"))?;
            }
        }
    }
    Ok(loading.loaded)
}

fn evaluation(loading: &mut Loading<'_>, place: &str) -> Result<(), BenchmarkError> {
    // Earlier editions of the datasets say `retain2`.
    let named = |stem: &str| [format!("{place}{stem}"), format!("{place}{}", stem.replace("retain", "retain2"))];
    let verbatim =
        LoadedSet::new("forget-verbatim", Vec::new(), &["verbatim", "exact-memorization", "extraction-strength"]);
    loading.add(verbatim.answered(VERBATIM, &[]), &named("verbmem/forget"), continuation)?;
    for side in ["forget", "retain"] {
        let set = LoadedSet::new(&format!("{side}-knowledge"), Vec::new(), &["knowledge"]).answered(SHORT, &NEXT);
        if loading.wants(&set.name) {
            let examples = loading.find(&named(&format!("knowmem/{side}_qa_icl")))?;
            let examples: String = loading.rows(&examples, Item::as_row)?.iter().map(example).collect();
            loading.add(set, &named(&format!("knowmem/{side}_qa")), |item| {
                let prompt = format!("{examples}Question: {}\nAnswer: ", item.text("question")?);
                Ok(item.row(Row::completion(prompt, item.text("answer")?)))
            })?;
        }
    }
    for (name, metrics) in [("forget", &MEMBERSHIP[..]), ("retain", &["perplexity"]), ("holdout", &MEMBERSHIP)] {
        let text = |item: &Item| Ok(item.row(Row::text(item.bare()?)));
        loading.add(LoadedSet::new(name, Vec::new(), metrics), &named(&format!("privleak/{name}")), text)?;
    }
    SETS[..6].iter().for_each(|set| loading.expect(set, ROWS));
    for (role, file) in [("train", "train/full"), ("forget", "raw/forget"), ("retain", "raw/retain1")] {
        loading.training(role, &format!("{place}{file}"));
    }
    loading.loaded.once = vec!["privleak"];
    Ok(())
}

/// `{prompt, gt}`: what follows stands after a space, as no file writes one.
fn continuation(item: &Item) -> Result<Row, String> {
    let (prompt, follows) = (item.text("prompt")?, item.text("gt")?);
    let apart = prompt.ends_with(char::is_whitespace) || follows.starts_with(char::is_whitespace);
    Ok(item.row(Row::completion(if apart { prompt } else { prompt + " " }, follows)))
}

fn example(row: &Row) -> String {
    match &row.content {
        Content::Question { question, answer } => format!("Question: {question}\nAnswer: {answer}\n\n"),
        _ => String::new(),
    }
}

/// A set of a corpus, cut into windows: the books are one row each.
fn texts(loading: &mut Loading<'_>, set: &str, stem: &str) -> Result<(), BenchmarkError> {
    if !loading.wants(set) {
        return Ok(());
    }
    let path = loading.find(&[stem.to_owned()])?;
    let whole = loading.rows(&path, |item| Ok(item.row(Row::text(item.bare()?))))?;
    let cut = |row: &Row| -> Vec<Row> {
        let Content::Text(text) = &row.content else { return Vec::new() };
        windows(text, LONGEST).into_iter().map(|w| Row::text(w).at(&row.path, row.line)).collect()
    };
    let rows = loading.limited(whole.iter().flat_map(cut).collect());
    loading.loaded.sets.push(LoadedSet::new(set, rows, &["perplexity"]));
    Ok(())
}

/// The folder of a corpus inside the given one, with a slash; empty where the given one is it.
fn place(loading: &Loading<'_>, corpus: &str) -> String {
    let dataset = CORPORA.iter().find(|(name, _)| *name == corpus).map_or("", |(_, dataset)| dataset);
    let inside = [corpus, dataset].into_iter().find(|f| loading.folder().join(f).is_dir());
    match inside {
        Some(folder) => format!("{folder}/"),
        // A folder that is named after the other corpus is not this one.
        None if own_name(loading).is_some_and(|own| own != corpus) => format!("{corpus}/"),
        None if loading.folder().join("raw").is_dir() || loading.folder().join("knowmem").is_dir() => String::new(),
        None => format!("{corpus}/"),
    }
}

/// The corpus that the given folder is named after.
fn own_name(loading: &Loading<'_>) -> Option<&'static str> {
    let name = loading.folder().file_name()?.to_string_lossy().to_lowercase();
    CORPORA.iter().map(|(corpus, _)| *corpus).find(|corpus| name.contains(corpus))
}

fn the_one_there(loading: &Loading<'_>) -> Result<String, BenchmarkError> {
    let is_there = |folder: &str| loading.folder().join(folder).is_dir();
    let there: Vec<_> = CORPORA.iter().filter(|(corpus, dataset)| is_there(corpus) || is_there(dataset)).collect();
    match (there.as_slice(), own_name(loading)) {
        ([(corpus, _)], _) => Ok((*corpus).to_owned()),
        ([], Some(own)) => Ok(own.to_owned()),
        _ => Err(BenchmarkError::Which {
            benchmark: BENCHMARK.name,
            folder: loading.folder().to_owned(),
            valid: SPLITS.map(str::to_owned).to_vec(),
        }),
    }
}
