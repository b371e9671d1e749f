//! The statistics of `unlearn`: pure functions of numbers and text, without input or output.
//!
//! Comparing samples:
//!
//! Saying how sure a number is:
//! - [`bootstrap`]: intervals of any statistic, paired and by [cluster](clusters);
//!
//! Leakage and membership:
//!
//! Text:
//! - [`rouge`]: how much of a reference text a candidate repeats, as Google's `rouge_score` counts it;
//! - [`porter`]: the stemmer that ROUGE compares words by;
//! - [`zlib`]: how long a text is once compressed.
//!
//! - [`hmean`]: the harmonic mean.

pub mod bootstrap;
pub mod clusters;
pub mod hmean;
pub mod porter;
mod random;
pub mod rouge;
pub mod zlib;
