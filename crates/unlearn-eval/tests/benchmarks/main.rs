//! Benchmarks: made-up folders in every published layout, what is wrong with them, and the published files where they
//! are there.

mod contract;
mod eval_files;
mod made;
mod mmlu;
mod muse;
mod refusals;
mod rwku;
mod tofu;
mod wikitext;
mod wmdp;
