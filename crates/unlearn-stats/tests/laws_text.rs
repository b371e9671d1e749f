//! What holds of any two sequences.

use proptest::collection::vec;
use proptest::prelude::*;
use unlearn_stats::text::{
    distinct_ngrams, edit_distance, fluency, longest_shared_run, ngram_entropy, normalised_edit_distance,
    repeated_ngrams,
};

/// Few different items, so that sequences overlap.
fn sequence(most: usize) -> impl Strategy<Value = Vec<u8>> {
    vec(0_u8..4, 0..most)
}

/// The textbook recursion, to hold the table to.
fn distance(a: &[u8], b: &[u8]) -> usize {
    match (a, b) {
        ([], rest) | (rest, []) => rest.len(),
        ([first, a @ ..], [other, b @ ..]) if first == other => distance(a, b),
        ([_, rest_of_a @ ..], [_, rest_of_b @ ..]) => {
            1 + distance(rest_of_a, rest_of_b).min(distance(rest_of_a, b)).min(distance(a, rest_of_b))
        }
    }
}

proptest! {
    #[test]
    fn entropy_is_at_most_that_of_all_different(items in sequence(40), n in 1_usize..4) {
        prop_assume!(items.len() >= n);
        let entropy = ngram_entropy(&items, n).unwrap();
        let most = ((items.len() - n + 1) as f64).log2();
        prop_assert!((0.0..=most + 1e-12).contains(&entropy), "{entropy} of {most}");
        let different: Vec<usize> = (0..items.len()).collect();
        prop_assert!((ngram_entropy(&different, n).unwrap() - most).abs() < 1e-12);
        let shares = distinct_ngrams(&items, n).unwrap();
        prop_assert!(shares > 0.0 && shares <= 1.0);
        prop_assert_eq!(repeated_ngrams(&items, n), Some(1.0 - shares));
    }

    #[test]
    fn running_in_circles_is_not_fluent(count in 3_usize..60) {
        let different: Vec<usize> = (0..count).collect();
        let circle: Vec<usize> = (0..count).map(|index| index % 2).collect();
        prop_assert!(fluency(&circle).unwrap() <= 1.0);
        prop_assert!(fluency(&different).unwrap() >= fluency(&circle).unwrap() - 1e-12);
    }

    #[test]
    fn the_longest_run_is_in_both_and_no_longer_one_is(a in sequence(25), b in sequence(25)) {
        let longest = longest_shared_run(&a, &b);
        let shared = |length: usize| a.windows(length).any(|run| b.windows(length).any(|other| other == run));
        prop_assert!(longest == 0 || shared(longest));
        prop_assert!(!shared(longest + 1));
        prop_assert_eq!(longest_shared_run(&b, &a), longest);
        prop_assert_eq!(longest_shared_run(&a, &a), a.len());
    }

    #[test]
    fn edit_distance_is_that_of_the_recursion(a in sequence(6), b in sequence(6)) {
        prop_assert_eq!(edit_distance(&a, &b), distance(&a, &b));
    }

    #[test]
    fn edit_distance_is_a_distance(a in sequence(25), b in sequence(25), c in sequence(25)) {
        let apart = edit_distance(&a, &b);
        prop_assert_eq!(edit_distance(&b, &a), apart);
        prop_assert_eq!(apart == 0, a == b);
        prop_assert!(apart <= edit_distance(&a, &c) + edit_distance(&c, &b));
        prop_assert!(a.len().abs_diff(b.len()) <= apart && apart <= a.len().max(b.len()));
        prop_assert!((0.0..=1.0).contains(&normalised_edit_distance(&a, &b)));
    }
}

#[test]
fn short_sequences_have_no_ngrams() {
    assert_eq!(ngram_entropy(&[1], 2), None);
    assert_eq!(ngram_entropy(&[1], 0), None);
    assert_eq!(distinct_ngrams::<u8>(&[], 1), None);
    assert_eq!(repeated_ngrams(&[1], 2), None);
    assert_eq!(fluency(&[1, 2]), None);
    assert_eq!(normalised_edit_distance::<u8>(&[], &[]), 0.0);
}
