//! `wikitext`

use std::sync::Arc;

use unlearn_core::file;
use unlearn_data::{DataError, Row};

use super::loading::Loading;
use super::windows::{LONGEST, windows};
use super::{Benchmark, BenchmarkError, Loaded, LoadedSet, Source};

pub(super) const BENCHMARK: Benchmark = Benchmark { name: "wikitext", version: 1, page: PAGE, load };

const PAGE: &str = "\
# Idea

Good articles of Wikipedia: whether a model that was made to forget is still at home in the language.

# Data

WikiText-2 (or WikiText-103), raw: `wiki.test.raw`, `wiki.valid.raw`, `wiki.train.raw`, in the folder or in \
`wikitext-2-raw/` there. Published with the paper, and at https://huggingface.co/datasets/Salesforce/wikitext (as \
parquet files, which are not read), under CC BY-SA. The files with `<unk>` for rare words are another benchmark, and \
not read.

# Sets

One, `text`: the file cut into windows of at most 2048 bytes, after a line where that is near enough, else after a \
word; joined they are the file. Splits `test` (the default), `valid`, `train`.

# Metrics

`perplexity`.

# Published numbers

GPT-2 on WikiText-2: 29.41 (117M), 22.76 (345M), 19.93 (762M), 18.34 (1542M), per word of the detokenised text.

# Paper

Merity et al., *Pointer sentinel mixture models*, 2016, arXiv 1609.07843; the figures: Radford et al., *Language models \
are unsupervised multitask learners*, 2019.

# Deviations

Perplexity is per token of the model, so that models with other tokenizers are not comparable; each window begins \
without what stands before it, and ends with the end token, which counts. Both raise it.
";

const PUBLISHED: &str = "https://huggingface.co/datasets/Salesforce/wikitext";
const SET: &str = "text";

fn load(source: &Source) -> Result<Loaded, BenchmarkError> {
    let mut loading = Loading::of(BENCHMARK.name, PUBLISHED, source, &[SET])?;
    let split = loading.split(&["test", "valid", "train"])?;
    let places = ["", "wikitext-2-raw", "wikitext-103-raw"].map(|f| loading.folder().join(f));
    let files = places.map(|folder| folder.join(format!("wiki.{split}.raw")));
    let found = files.iter().find(|f| f.is_file());
    let path = found.ok_or_else(|| loading.missing(&files[0]))?;
    let text = file::read_text(path).map_err(|e| loading.file(e.into()))?;
    loading.loaded.files.push(path.clone());
    if text.trim().is_empty() {
        return Err(loading.file(DataError::Empty { path: path.clone() }));
    }
    let shared = Arc::new(path.clone());
    let mut line = 1;
    let row = |window: &str| {
        let at = line;
        line += window.matches('\n').count();
        Row::text(window).at(&shared, at)
    };
    let rows = windows(&text, LONGEST).into_iter().map(row).collect();
    loading.loaded.sets.push(LoadedSet::new(SET, loading.limited(rows), &["perplexity"]));
    Ok(loading.loaded)
}
