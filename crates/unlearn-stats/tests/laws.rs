//! What holds of every text and every sample.

#![allow(clippy::unwrap_used)]

use proptest::collection::vec;
use proptest::prelude::*;
use unlearn_stats::bootstrap::mean_interval;
use unlearn_stats::porter;
use unlearn_stats::rouge::{Rouge, rouge_l, rouge_n, words};

/// Few different words, so that texts overlap.
fn text() -> impl Strategy<Value = String> {
    vec("a|the|river|rivers|quiet|running|Run", 0..12).prop_map(|words| words.join(" "))
}

fn every_rouge(reference: &str, candidate: &str, stem: bool) -> [Rouge; 3] {
    let of_n = |n| rouge_n(reference, candidate, n, stem);
    [of_n(1), of_n(2), rouge_l(reference, candidate, stem)]
}

/// The textbook recursion, to hold the table to.
fn longest_common_subsequence(a: &[String], b: &[String]) -> usize {
    match (a, b) {
        ([first, a @ ..], [other, b @ ..]) if first == other => 1 + longest_common_subsequence(a, b),
        ([_, rest_of_a @ ..], [_, rest_of_b @ ..]) => {
            longest_common_subsequence(rest_of_a, b).max(longest_common_subsequence(a, rest_of_b))
        }
        _ => 0,
    }
}

proptest! {
    #[test]
    fn rouge_is_a_share(reference in text(), candidate in text(), stem: bool) {
        for Rouge { precision, recall, f1 } in every_rouge(&reference, &candidate, stem) {
            for share in [precision, recall, f1] {
                prop_assert!((0.0..=1.0).contains(&share), "{share}");
            }
        }
    }

    #[test]
    fn swapping_the_texts_swaps_precision_and_recall(reference in text(), candidate in text(), stem: bool) {
        let swapped = every_rouge(&candidate, &reference, stem);
        for (rouge, swapped) in every_rouge(&reference, &candidate, stem).into_iter().zip(swapped) {
            let expected = Rouge { precision: rouge.recall, recall: rouge.precision, f1: rouge.f1 };
            prop_assert_eq!(swapped, expected);
        }
    }

    #[test]
    fn a_text_repeats_itself_whole(text in "\\PC{0,40}", n in 1_usize..4, stem: bool) {
        let whole = Rouge { precision: 1.0, recall: 1.0, f1: 1.0 };
        let count = words(&text, stem).len();
        prop_assert_eq!(rouge_l(&text, &text, stem), if count > 0 { whole } else { Rouge::default() });
        prop_assert_eq!(rouge_n(&text, &text, n, stem), if count >= n { whole } else { Rouge::default() });
    }

    #[test]
    fn order_can_only_cost(reference in text(), candidate in text(), stem: bool) {
        let [unigrams, _, subsequence] = every_rouge(&reference, &candidate, stem);
        prop_assert!(subsequence.precision <= unigrams.precision && subsequence.recall <= unigrams.recall);
    }

    #[test]
    fn rouge_l_counts_the_longest_common_subsequence(reference in text(), candidate in text()) {
        let (a, b) = (words(&reference, false), words(&candidate, false));
        let shared = longest_common_subsequence(&a, &b);
        let recall = if shared == 0 { 0.0 } else { shared as f64 / a.len() as f64 };
        prop_assert_eq!(rouge_l(&reference, &candidate, false).recall, recall);
    }

    #[test]
    fn any_word_has_a_stem(word in "\\PC{0,12}") {
        let _ = porter::stem(&word);
    }

    #[test]
    fn no_stem_of_a_word_is_empty_or_longer(word in "[a-z]{1,6}(ational|alli|logi|ed|ing|ies|ied|fulness|e|ll|y|s)?") {
        let stem = porter::stem(&word);
        prop_assert!(!stem.is_empty() && stem.len() <= word.len(), "{word}: {stem}");
    }

    #[test]
    fn interval_lies_within_the_values_around_their_mean(values in vec(-1e3..1e3, 2..40), seed: u64) {
        let [lower, upper] = mean_interval(&values, seed).unwrap();
        let [lowest, highest] = [f64::min, f64::max].map(|pick| values.iter().copied().reduce(pick).unwrap());
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        // A resampled mean has a kurtosis below 4, so it falls on either side of `mean` with a probability above 0.11.
        prop_assert!(lowest <= lower && lower <= mean + 1e-9, "{lower} {mean}");
        prop_assert!(mean - 1e-9 <= upper && upper <= highest, "{mean} {upper}");
    }

    #[test]
    fn interval_is_that_of_its_seed(values in vec(-1.0..1.0, 2..40), seed: u64) {
        prop_assert_eq!(mean_interval(&values, seed), mean_interval(&values, seed));
    }

    #[test]
    fn interval_of_one_value_repeated_is_that_value(value in -1e3..1e3, count in 2_usize..40, seed: u64) {
        prop_assert_eq!(mean_interval(&vec![value; count], seed), Some([value, value]));
    }

    #[test]
    fn doubling_the_values_doubles_the_interval(values in vec(-1e3..1e3, 2..40), seed: u64) {
        let doubled: Vec<f64> = values.iter().map(|value| 2.0 * value).collect();
        let expected = mean_interval(&values, seed).map(|ends| ends.map(|end| 2.0 * end));
        prop_assert_eq!(mean_interval(&doubled, seed), expected);
    }
}
