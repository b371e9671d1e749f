//! ROUGE (Lin, 2004): the overlap of a candidate text with a reference text, as Google's `rouge_score` counts it.

use std::collections::HashMap;

use crate::porter;

/// Words up to this many characters are compared as they are, even where stemming is asked for.
const LONGEST_UNSTEMMED: usize = 3;

/// One ROUGE score. Every number is between 0 and 1, and 0 where either text has nothing to compare.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Rouge {
    /// The share of the candidate that the reference has too.
    pub precision: f64,
    /// The share of the reference that the candidate has too.
    pub recall: f64,
    /// The harmonic mean of precision and recall.
    pub f1: f64,
}

impl Rouge {
    fn from_counts(shared: usize, in_reference: usize, in_candidate: usize) -> Self {
        if shared == 0 {
            return Self::default();
        }
        let precision = shared as f64 / in_candidate as f64;
        let recall = shared as f64 / in_reference as f64;
        Self { precision, recall, f1: 2.0 * precision * recall / (precision + recall) }
    }
}

/// ROUGE-`n`: the overlap in sequences of `n` words, each counted as often as both texts have it.
///
/// With `stem`, words longer than three characters are compared by their [Porter stem](porter::stem).
///
/// # Panics
/// If `n` is 0.
///
/// # Examples
/// ```
/// let bigrams = unlearn_stats::rouge::rouge_n("a quiet river", "the quiet rivers", 2, true);
/// assert_eq!(bigrams.f1, 0.5);
/// ```
pub fn rouge_n(reference: &str, candidate: &str, n: usize, stem: bool) -> Rouge {
    assert!(n > 0, "ROUGE-n needs sequences of at least one word");
    let (reference, candidate) = (words(reference, stem), words(candidate, stem));
    let mut unmatched: HashMap<&[String], usize> = HashMap::new();
    for sequence in reference.windows(n) {
        *unmatched.entry(sequence).or_default() += 1;
    }
    let mut shared = 0;
    for sequence in candidate.windows(n) {
        if let Some(left @ 1..) = unmatched.get_mut(sequence) {
            *left -= 1;
            shared += 1;
        }
    }
    Rouge::from_counts(shared, reference.windows(n).len(), candidate.windows(n).len())
}

/// ROUGE-L: the longest sequence of words that both texts have in the same order, gaps allowed.
///
/// With `stem`, words longer than three characters are compared by their [Porter stem](porter::stem).
/// Time grows with the product of the two lengths, memory with the shorter one.
///
/// # Examples
/// ```
/// let rouge = unlearn_stats::rouge::rouge_l("She was born in Halden Bay.", "born in a bay", false);
/// assert_eq!((rouge.precision, rouge.recall), (0.75, 0.5));
/// ```
pub fn rouge_l(reference: &str, candidate: &str, stem: bool) -> Rouge {
    let (reference, candidate) = (words(reference, stem), words(candidate, stem));
    let shared = longest_common_subsequence(&reference, &candidate);
    Rouge::from_counts(shared, reference.len(), candidate.len())
}

/// The words of `text` as ROUGE sees them: lower-case runs of `a`-`z` and `0`-`9`; all else separates.
///
/// # Examples
/// ```
/// use unlearn_stats::rouge::words;
/// assert_eq!(words("It's a café, 2024!", false), ["it", "s", "a", "caf", "2024"]);
/// assert_eq!(words("Rivers running dry", true), ["river", "run", "dry"]);
/// ```
pub fn words(text: &str, stem: bool) -> Vec<String> {
    text.to_lowercase()
        .split(|character: char| !(character.is_ascii_lowercase() || character.is_ascii_digit()))
        .filter(|word| !word.is_empty())
        .map(|word| if stem && word.len() > LONGEST_UNSTEMMED { porter::stem(word) } else { word.to_owned() })
        .collect()
}

fn longest_common_subsequence(a: &[String], b: &[String]) -> usize {
    let (long, short) = if a.len() < b.len() { (b, a) } else { (a, b) };
    let mut lengths = vec![0; short.len() + 1];
    for word in long {
        let mut diagonal = 0;
        for (column, other) in short.iter().enumerate() {
            let above = lengths[column + 1];
            lengths[column + 1] = if word == other { diagonal + 1 } else { above.max(lengths[column]) };
            diagonal = above;
        }
    }
    lengths[short.len()]
}
