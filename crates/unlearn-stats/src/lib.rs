//! The statistics of `unlearn`: pure functions of numbers and text, without input or output.
//!
//! - [`rouge`]: how much of a reference text a candidate repeats, as Google's `rouge_score` counts it;
//! - [`porter`]: the stemmer that ROUGE compares words by;
//! - [`bootstrap`]: the interval of a mean.

pub mod bootstrap;
pub mod porter;
pub mod rouge;
