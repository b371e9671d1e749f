//! What a text repeats, of itself and of another: entropy and repetition of n-grams, shared runs, edit distance.
//!
//! Most functions take any sequence: words, token ids, characters.

use std::collections::HashMap;
use std::hash::Hash;

use crate::rouge;

/// The lengths of n-grams that [`fluency`] looks at, and what their entropies weigh.
const FLUENCY_WEIGHTS: [(usize, f64); 2] = [(2, 2.0 / 3.0), (3, 4.0 / 3.0)];

/// The entropy of the n-grams of `sequence`, in bits: -Σ f log₂ f over the share f of each different one.
///
/// 0 where all are the same, log₂ of their number where all differ. `None` where the sequence is shorter than `n` or
/// `n` is 0.
///
/// # Examples
/// ```
/// use unlearn_stats::text::ngram_entropy;
/// assert_eq!(ngram_entropy(&["a", "b", "a", "b"], 1), Some(1.0));
/// assert_eq!(ngram_entropy(&["a", "a", "a"], 2), Some(0.0));
/// ```
pub fn ngram_entropy<T: Eq + Hash>(sequence: &[T], n: usize) -> Option<f64> {
    let counts = ngrams(sequence, n)?;
    let total: usize = counts.values().sum();
    let mut counts: Vec<usize> = counts.into_values().collect();
    // A sum in an order of its own would have other last digits at every run.
    counts.sort_unstable();
    let share = |count: usize| count as f64 / total as f64;
    Some(-counts.into_iter().map(|count| share(count) * share(count).log2()).sum::<f64>() + 0.0)
}

/// The weighted mean of the entropies of bigrams and trigrams: ½ (⅔ H₂ + 4⁄3 H₃) = ⅓ H₂ + ⅔ H₃, in bits. Low for
/// text that runs in circles.
///
/// `None` for fewer than three words.
///
/// # Source
/// The "fluency" of ROME and MEMIT (`n_gram_entropy` with its weights [2/3, 4/3] and arithmetic mean); there words are
/// cut by NLTK's `word_tokenize`, here by the caller.
pub fn fluency<T: Eq + Hash>(words: &[T]) -> Option<f64> {
    let weighted = FLUENCY_WEIGHTS.iter().map(|(n, weight)| Some(weight * ngram_entropy(words, *n)?));
    Some(weighted.sum::<Option<f64>>()? / FLUENCY_WEIGHTS.len() as f64)
}

/// Distinct-n: the number of different n-grams divided by the number of n-grams, in (0, 1].
///
/// `None` where the sequence is shorter than `n` or `n` is 0.
///
/// # Source
/// Li et al., "A diversity-promoting objective function", arXiv 1510.03055.
///
/// # Examples
/// ```
/// assert_eq!(unlearn_stats::text::distinct_ngrams(&[1, 2, 1, 2], 1), Some(0.5));
/// ```
pub fn distinct_ngrams<T: Eq + Hash>(sequence: &[T], n: usize) -> Option<f64> {
    let counts = ngrams(sequence, n)?;
    Some(counts.len() as f64 / counts.values().sum::<usize>() as f64)
}

/// The share of n-grams that stood in the text before, 1 - [`distinct_ngrams`], in [0, 1).
///
/// `None` where the sequence is shorter than `n` or `n` is 0.
///
/// # Source
/// seq-rep-n of Welleck et al., arXiv 1908.04319.
pub fn repeated_ngrams<T: Eq + Hash>(sequence: &[T], n: usize) -> Option<f64> {
    Some(1.0 - distinct_ngrams(sequence, n)?)
}

/// The length of the longest run that both sequences have without gaps.
///
/// Time grows with the product of the lengths, memory with that of `b`.
///
/// # Examples
/// ```
/// assert_eq!(unlearn_stats::text::longest_shared_run(&[1, 2, 3, 4], &[9, 2, 3, 8]), 2);
/// ```
pub fn longest_shared_run<T: PartialEq>(a: &[T], b: &[T]) -> usize {
    let mut ending = vec![0; b.len() + 1];
    let mut longest = 0;
    for item in a {
        // From the right, so that the column before still belongs to the row above.
        for column in (0..b.len()).rev() {
            ending[column + 1] = if *item == b[column] { ending[column] + 1 } else { 0 };
            longest = longest.max(ending[column + 1]);
        }
    }
    longest
}

/// [`longest_shared_run`] of the words of two texts, as [`rouge::words`] cuts them: without case and punctuation.
///
/// # Examples
/// ```
/// use unlearn_stats::text::longest_shared_words;
/// assert_eq!(longest_shared_words("Born in Halden Bay, in 1961.", "she was born in halden"), 3);
/// ```
pub fn longest_shared_words(a: &str, b: &str) -> usize {
    longest_shared_run(&rouge::words(a, false), &rouge::words(b, false))
}

/// The Levenshtein distance: the fewest insertions, deletions and replacements that make one sequence the other.
///
/// Time grows with the product of the lengths, memory with that of `b`.
///
/// # Examples
/// ```
/// assert_eq!(unlearn_stats::text::edit_distance(b"kitten", b"sitting"), 3);
/// ```
pub fn edit_distance<T: PartialEq>(a: &[T], b: &[T]) -> usize {
    let mut distances: Vec<usize> = (0..=b.len()).collect();
    for (row, item) in a.iter().enumerate() {
        let mut diagonal = row;
        distances[0] = row + 1;
        for (column, other) in b.iter().enumerate() {
            let above = distances[column + 1];
            let replaced = diagonal + usize::from(item != other);
            distances[column + 1] = replaced.min(above + 1).min(distances[column] + 1);
            diagonal = above;
        }
    }
    distances[b.len()]
}

/// [`edit_distance`] divided by the length of the longer sequence, in [0, 1]; 0 for two empty ones.
///
/// # Examples
/// ```
/// assert_eq!(unlearn_stats::text::normalised_edit_distance(&["a", "b"], &["a", "c"]), 0.5);
/// ```
pub fn normalised_edit_distance<T: PartialEq>(a: &[T], b: &[T]) -> f64 {
    edit_distance(a, b) as f64 / a.len().max(b.len()).max(1) as f64
}

fn ngrams<T: Eq + Hash>(sequence: &[T], n: usize) -> Option<HashMap<&[T], usize>> {
    if n == 0 || sequence.len() < n {
        return None;
    }
    let mut counts = HashMap::new();
    for ngram in sequence.windows(n) {
        *counts.entry(ngram).or_default() += 1;
    }
    Some(counts)
}
