//! `tofu`

use unlearn_data::{Content, Row};

use super::item::Item;
use super::loading::Loading;
use super::{Benchmark, BenchmarkError, Loaded, LoadedSet, Source};

pub(super) const BENCHMARK: Benchmark = Benchmark { name: "tofu", version: 1, page: PAGE, load };

const PAGE: &str = "\
# Idea

Two hundred authors who do not exist, twenty questions about each. A model is fine-tuned on all of them and made to \
forget some; since they are made up, what a model without them would say can be known by retraining.

# Data

Published at https://huggingface.co/datasets/locuslab/TOFU under the MIT licence, as JSON lines (the `holdout` files \
as arrays); the folder holds them as they are there: `forget01_perturbed.json`, `forget05_perturbed.json`, \
`forget10_perturbed.json`, `holdout01.json`, `holdout05.json`, `holdout10.json`, `retain_perturbed.json`, \
`real_authors_perturbed.json`, `world_facts_perturbed.json`. To train on: `full.json`; `forget01.json` with \
`retain99.json`, `forget05.json` with `retain95.json`, `forget10.json` with `retain90.json`.

# Sets

Splits `forget10` (the default), `forget05`, `forget01`: the last 20, 10 or 2 authors.

- `forget`: 400, 200 or 40 rows with a paraphrase of question and answer and five wrong answers.
- `paraphrased`: the same, asked in the words of `paraphrased_question`.
- `retain`: 400 rows, of the first 20 authors.
- `real-authors`, `world-facts`: 100 and 117 rows about the real world, with three wrong answers each.
- `holdout`: 400, 200 or 40 rows about authors that no model saw.

A row's `entity` is its author: 20 rows each, in the order of `full.json`.

# Metrics

`probability`, `probability-paraphrased`, `probability-perturbed`, `truth-ratio`, `rouge` (with `rouge-1` and \
`rouge-f1`), on `forget` also `exact-memorization`, `extraction-strength` and the membership attacks against \
`holdout`; `probability-normalised` on `real-authors` and `world-facts`; once `forget-quality`, `privleak` (both \
beside a retrained model) and `model-utility`. Answers have at most 200 tokens. `TOFU_EVAL.json` and \
`TOFU_SUMMARY.json` hold them under the keys of `locuslab/open-unlearning`.

# Published numbers

`locuslab/open-unlearning`, `docs/repro.md`, Llama-3.2-1B-Instruct, forget10 (forget-quality, model-utility, \
truth-ratio of `forget`):

| | forget-quality | model-utility | truth-ratio |
|---|---|---|---|
| fine-tuned | 1.66e-21 | 0.60 | 0.48 |
| retrained | 1.0 | 0.59 | 0.63 |
| GradAscent | 1.06e-239 | 0 | 2.25e-18 |
| GradDiff | 1.06e-239 | 0.49 | 3.53e-27 |
| NPO | 0.02 | 0.46 | 0.70 |
| SimNPO | 2.47e-203 | 0.54 | 1.07e-05 |
| RMU | 3.15e-15 | 0.59 | 0.76 |

# Paper

Maini et al., *TOFU: a task of fictitious unlearning for LLMs*, 2024, arXiv 2401.06121.

# Deviations

Every row is evaluated, as in `locuslab/open-unlearning`. The first code, `locuslab/tofu`, takes the first 300 of each \
set (`ds_size: 300`); a limit of 300 rows does the same. `paraphrased` is no part of the published figures.
";

const PUBLISHED: &str = "https://huggingface.co/datasets/locuslab/TOFU";
const SETS: [&str; 6] = ["forget", "paraphrased", "retain", "real-authors", "world-facts", "holdout"];
/// Each split with the number of its rows and the file of all others.
const SPLITS: [(&str, usize, &str); 3] =
    [("forget10", 400, "retain90"), ("forget05", 200, "retain95"), ("forget01", 40, "retain99")];
const ROWS: usize = 4000;
const ROWS_OF_AUTHOR: usize = 20;
const ANSWER: usize = 200;

const MEMBERSHIP: [&str; 5] = ["mia/loss", "mia/zlib", "mia/min-k", "mia/min-k-plus-plus", "mia/gradient-norm"];
const KNOWN: [&str; 7] =
    ["probability", "probability-paraphrased", "probability-perturbed", "truth-ratio", "rouge", "rouge-1", "rouge-f1"];
const WORLD: [&str; 7] =
    ["probability", "probability-perturbed", "probability-normalised", "truth-ratio", "rouge", "rouge-1", "rouge-f1"];

fn load(source: &Source) -> Result<Loaded, BenchmarkError> {
    let mut loading = Loading::of(BENCHMARK.name, PUBLISHED, source, &SETS)?;
    let split = loading.split(&SPLITS.map(|(name, ..)| name))?;
    let (_, size, retain) = SPLITS.into_iter().find(|(name, ..)| *name == split).unwrap_or(SPLITS[0]);
    let forget = [format!("{split}_perturbed")];
    let holdout = [split.replace("forget", "holdout")];
    let file = |name: &str| [name.to_owned()];
    let set = |name: &str, metrics: &[&'static str]| LoadedSet::new(name, Vec::new(), metrics).answered(ANSWER, &[]);
    let author = |first: usize| move |item: &Item| by(item, "author", first);

    let memorised = [&KNOWN[..], &["exact-memorization", "extraction-strength"], &MEMBERSHIP].concat();
    loading.add(set("forget", &memorised), &forget, author(ROWS - size))?;
    loading.add(set("paraphrased", &["probability", "rouge"]), &forget, |item| {
        Ok(Row { content: paraphrased(item)?, ..by(item, "author", ROWS - size)? })
    })?;
    loading.add(set("retain", &KNOWN), &file("retain_perturbed"), author(0))?;
    loading.add(set("real-authors", &WORLD), &file("real_authors_perturbed"), Item::as_row)?;
    loading.add(set("world-facts", &WORLD), &file("world_facts_perturbed"), Item::as_row)?;
    loading.add(LoadedSet::new("holdout", Vec::new(), &MEMBERSHIP), &holdout, |item| by(item, "holdout-author", 0))?;

    for (set, rows) in
        [("forget", size), ("retain", 400), ("real-authors", 100), ("world-facts", 117), ("holdout", size)]
    {
        loading.expect(set, rows);
    }
    for (role, file) in [("train", "full"), ("forget", split.as_str()), ("retain", retain)] {
        loading.training(role, file);
    }
    loading.loaded.once = vec!["forget-quality", "privleak", "model-utility"];
    Ok(loading.loaded)
}

/// A row with its author, where the file begins with row `first` of all.
fn by(item: &Item, kind: &str, first: usize) -> Result<Row, String> {
    Ok(Row { entity: Some(format!("{kind}-{}", (first + item.index) / ROWS_OF_AUTHOR)), ..item.as_row()? })
}

fn paraphrased(item: &Item) -> Result<Content, String> {
    Ok(Content::Question { question: item.text("paraphrased_question")?, answer: item.text("answer")? })
}
