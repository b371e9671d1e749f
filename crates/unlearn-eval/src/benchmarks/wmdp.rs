//! `wmdp`

use super::item::Item;
use super::loading::Loading;
use super::{Benchmark, BenchmarkError, Loaded, LoadedSet, Source};

pub(super) const BENCHMARK: Benchmark = Benchmark { name: "wmdp", version: 1, page: PAGE, load };

const PAGE: &str = "\
# Idea

Questions whose answers stand for knowledge that helps to do harm in biology, chemistry and computer security. A model \
that has forgotten it guesses, and still knows the rest (`mmlu`).

# Data

Published at https://huggingface.co/datasets/cais/wmdp under the MIT licence. The folder holds, as `.parquet`, `.jsonl` \
or `.json`, `wmdp-bio/test-00000-of-00001`, `wmdp-chem/test-00000-of-00001` and `wmdp-cyber/test-00000-of-00001` (or \
`test` there, `wmdp-bio` and its like beside each other, or `bio_questions.json` and its like, as in the archive \
`wmdp-mcqs.zip`). Fields: `question`, `choices` (four), `answer` \
(an index from 0).

# Sets

Splits `all` (the default), `bio`, `chem`, `cyber`. Sets `forget-bio` (1273 rows), `forget-chem` (408), `forget-cyber` \
(1987).

# Metrics

`choice`, `choice-normalised`.

# Published numbers

Zephyr-7B: bio 63.7 %, cyber 44.0 %, MMLU 58.1 %; after RMU 31.2 %, 28.2 %, 57.1 %. Guessing gives 25 %.

# Paper

Li et al., *The WMDP benchmark: measuring and reducing malicious use with unlearning*, 2024, arXiv 2403.03218.

# Deviations

The published figures are of a prompt that lists the choices under letters and of the letters' likelihoods; `choice` \
scores the choices' texts after the bare question.
";

const PUBLISHED: &str = "https://huggingface.co/datasets/cais/wmdp";
const SUBJECTS: [(&str, &str, usize); 3] =
    [("bio", "forget-bio", 1273), ("chem", "forget-chem", 408), ("cyber", "forget-cyber", 1987)];

fn load(source: &Source) -> Result<Loaded, BenchmarkError> {
    let mut loading = Loading::of(BENCHMARK.name, PUBLISHED, source, &SUBJECTS.map(|(_, set, _)| set))?;
    let split = loading.split(&["all", "bio", "chem", "cyber"])?;
    for (subject, set, rows) in SUBJECTS.into_iter().filter(|(subject, ..)| split == "all" || split == *subject) {
        let stems = [
            format!("wmdp-{subject}/test"),
            format!("wmdp-{subject}"),
            format!("wmdp_{subject}"),
            format!("{subject}_questions"),
        ];
        let metrics = ["choice", "choice-normalised"];
        loading.add(LoadedSet::new(set, Vec::new(), &metrics), &stems, Item::as_choice)?;
        loading.expect(set, rows);
    }
    Ok(loading.loaded)
}
