//! The statistics of `unlearn`: pure functions of numbers and text, without input or output.
//!
//! Comparing samples:
//! - [`ks`]: the exact Kolmogorov–Smirnov test, TOFU's forget quality;
//! - [`auc`]: how well a score tells two classes apart;
//! - [`divergence`]: Kullback–Leibler, Jensen–Shannon, Wasserstein, and answers that two subjects sampled;
//! - [`similarity`]: centred kernel alignment of two representations;
//! - [`energy`]: whether two samples of points come from one distribution.
//!
//! Saying how sure a number is:
//! - [`bootstrap`]: intervals of any statistic, paired and by [cluster](clusters);
//! - [`permutation`]: tests that exchange labels or signs, by cluster too;
//! - [`binomial`]: exact intervals of shares, McNemar's test, Holm's correction;
//! - [`normal`], [`student`]: the normal distribution, and the t distribution with the interval of a mean of few values.
//!
//! Leakage and membership:
//! - [`sampling`]: what leaks when a subject is sampled often;
//! - [`membership`]: scores that shadow models calibrate.
//!
//! Text:
//! - [`rouge`]: how much of a reference text a candidate repeats, as Google's `rouge_score` counts it;
//! - [`porter`]: the stemmer that ROUGE compares words by;
//! - [`text`]: entropy, repetition, shared runs, edit distance;
//! - [`zlib`]: how long a text is once compressed.
//!
//! - [`hmean`]: the harmonic mean.

pub mod auc;
pub mod binomial;
pub mod bootstrap;
pub mod clusters;
pub mod divergence;
pub mod energy;
pub mod exchange;
pub mod hmean;
pub mod ks;
pub mod membership;
pub mod normal;
pub mod permutation;
pub mod porter;
mod random;
pub mod rouge;
pub mod sampling;
pub mod similarity;
pub mod student;
pub mod text;
pub mod zlib;
