//! The cards' own numeric tests, and bounds, on made-up observations.

use proptest::prelude::*;
use unlearn_core::score::{EvalReport, Item, Subject};
use unlearn_data::Row;
use unlearn_eval::metrics::METRICS;
use unlearn_eval::observation::{Likelihoods, Tokens};
use unlearn_eval::{Beside, EvalSet, Looked, Observations, take};

/// An answer whose last token is its end.
fn tokens(log_probs: &[f32], greedy: &[bool]) -> Tokens {
    let n = log_probs.len();
    let spread = (vec![-2.0; n], vec![1.0; n]);
    Tokens { log_probs: log_probs.to_vec(), greedy: greedy.to_vec(), expected: spread.0, deviation: spread.1 }
}

fn seen(rows: &[(Tokens, Option<Tokens>, Vec<Tokens>)]) -> Observations {
    let likelihoods = |(answer, paraphrased, perturbed): &(Tokens, Option<Tokens>, Vec<Tokens>)| Likelihoods {
        answer: Some(answer.clone()),
        text: "an answer".into(),
        paraphrased: paraphrased.clone(),
        perturbed: perturbed.iter().cloned().map(Some).collect(),
        choices: Vec::new(),
    };
    Observations {
        rows: vec![Row::question("Q", "an answer"); rows.len()],
        likelihoods: rows.iter().map(likelihoods).collect(),
        ..Observations::default()
    }
}

fn report(sets: Vec<(&str, Observations)>) -> EvalReport {
    let named: Vec<EvalSet> = sets.iter().map(|(name, seen)| EvalSet::new(*name, seen.rows.clone())).collect();
    let subject = Looked { sets: sets.into_iter().map(|(name, seen)| (name.to_owned(), seen)).collect() };
    let all: Vec<_> = METRICS.iter().collect();
    take(
        &Beside { subject: &subject, retrained: Some(&subject), reference: None, shadows: &[] },
        Subject::default(),
        &all,
        &named,
        0,
    )
}

fn only(greedy: &[bool]) -> EvalReport {
    report(vec![("forget", seen(&[(tokens(&vec![-1.0; greedy.len()], greedy), None, Vec::new())]))])
}

#[test]
fn extraction_strength_counts_from_the_last_wrong_token() {
    // The last entry is the end token, which does not count.
    let cases = [
        ([true, true, true, true, true], 1.0, 1.0),
        ([false, true, true, true, true], 0.75, 0.75),
        ([true, true, true, false, true], 0.0, 0.75),
        ([true, true, false, true, false], 0.25, 0.75),
    ];
    for (greedy, strength, exact) in cases {
        let found = only(&greedy);
        assert_eq!(found.value("forget/extraction-strength"), Some(strength), "{greedy:?}");
        assert_eq!(found.value("forget/exact-memorization"), Some(exact), "{greedy:?}");
    }
    assert_eq!(only(&[true]).value("forget/extraction-strength"), Some(1.0), "a single token counts");
}

#[test]
fn a_model_beside_itself_is_no_distance_away() {
    let row = |x: f32| (tokens(&[x, -0.1], &[true, true]), Some(tokens(&[x], &[true])), vec![tokens(&[-2.0], &[true])]);
    let rows: Vec<_> = (1..8).map(|i| row(-0.3 * i as f32)).collect();
    let found = report(vec![("forget", seen(&rows)), ("holdout", seen(&rows))]);
    assert_eq!(found.value("forget-quality"), Some(1.0));
    assert_eq!(found.value("privleak"), Some(0.0));
    assert_eq!(found.value("forget/wasserstein"), Some(0.0));
    for attack in ["mia/loss", "mia/zlib", "mia/min-k", "mia/min-k-plus-plus"] {
        assert_eq!(found.value(attack), Some(0.5), "{attack}: the two sets are the same");
    }
}

#[test]
fn members_are_found_where_the_forget_rows_are_known() {
    let rows = |x: f32| -> Vec<_> {
        (0..6).map(|i| (tokens(&[x - 0.01 * i as f32, x, -0.1], &[true; 3]), None, Vec::new())).collect()
    };
    let found = |forget, holdout| report(vec![("forget", seen(&rows(forget))), ("holdout", seen(&rows(holdout)))]);
    let (known, shunned) = (found(-0.1, -3.0), found(-9.0, -3.0));
    for attack in ["mia/loss", "mia/zlib", "mia/min-k", "mia/min-k-plus-plus"] {
        assert_eq!((known.value(attack), shunned.value(attack)), (Some(1.0), Some(0.0)), "{attack}");
        assert_eq!(known.metrics[attack].parts["tpr-at-1-percent-fpr"], 1.0, "{attack}");
    }
}

#[test]
fn composites_are_nought_as_soon_as_one_part_is_and_whole_beside_oneself() {
    let row = |x: f32, greedy| {
        (tokens(&[x, x, -0.1], &[greedy; 3]), Some(tokens(&[x], &[true])), vec![tokens(&[-1.0], &[true])])
    };
    let of = |x, greedy| {
        let (forget, holdout) =
            (seen(&[row(x, greedy), row(x - 0.5, greedy)]), seen(&[row(-3.0, false), row(-3.5, false)]));
        report(vec![("forget", forget), ("holdout", holdout), ("retain", seen(&[row(-0.1, true)]))])
    };
    let (gone, said) = (of(-4.0, false), of(-0.01, true));
    assert!(gone.value("memorization-score").is_some_and(|x| x > 0.9), "{:?}", gone.metrics["memorization-score"]);
    assert_eq!(said.value("memorization-score"), Some(0.0), "all of it is said");
    assert_eq!((gone.value("mia/loss"), gone.value("privacy-score")), (Some(0.0), Some(0.0)), "nothing is close to 0");
    assert_eq!(said.value("privacy-score"), Some(1.0), "beside itself, no attack finds more");
    assert_eq!(said.value("overall-score"), Some(0.0));
    assert_eq!(said.metrics["overall-score"].n, 3);
}

#[test]
fn utility_is_nought_as_soon_as_one_part_is() {
    let row = |truth: f32| (tokens(&[-0.1], &[true]), Some(tokens(&[truth], &[true])), vec![tokens(&[-2.0], &[true])]);
    let of =
        |truth| report(vec![("retain", seen(&[row(truth)])), ("forget", seen(&[row(-0.1)]))]).value("model-utility");
    assert!(of(-0.5).is_some_and(|x| x > 0.5));
    assert_eq!(of(-4.0), Some(0.0), "what is false is preferred: its truth ratio counts nothing");
}

proptest! {
    #[test]
    fn shares_stay_between_nought_and_one_and_log_space_holds_where_probabilities_vanish(
        right in -2000.0f32..0.0, wrong in prop::collection::vec(-2000.0f32..0.0, 1..5),
    ) {
        let wrong: Vec<Tokens> = wrong.iter().map(|&w| tokens(&[w], &[false])).collect();
        let row = (tokens(&[right], &[false]), Some(tokens(&[right], &[false])), wrong);
        let found = report(vec![("forget", seen(std::slice::from_ref(&row))), ("retain", seen(std::slice::from_ref(&row)))]);
        for set in ["forget", "retain"] {
            for metric in ["probability", "probability-normalised", "truth-ratio", "exact-memorization"] {
                let value = found.value(&format!("{set}/{metric}")).expect("a value");
                prop_assert!((0.0..=1.0).contains(&value), "{set}/{metric}: {value}");
            }
        }
        let best = row.2.iter().map(|t| t.log_probs[0]).fold(f32::NEG_INFINITY, f32::max);
        let share = found.value("forget/probability-normalised").expect("a value");
        if right > best + 40.0 {
            prop_assert!(share > 0.999);
        } else if right < best - 40.0 {
            prop_assert!(share < 1e-3);
        }
        let Item::Value(ratio) = found.metrics["forget/truth-ratio"].per_item[0] else {
            return Err(TestCaseError::fail("one ratio"));
        };
        prop_assert!(ratio >= 0.0 && ratio.is_finite());
        prop_assert!(found.value("retain/perplexity").is_some_and(f64::is_finite));
    }
}
