//! Tokens, every metric's items and values, and the answers against open-unlearning's, in `testdata/golden/metrics`.

use std::path::{Path, PathBuf};

use serde_json::Value;
use unlearn_core::recipe::ChatSection;
use unlearn_core::score::{EvalReport, Item, Subject};
use unlearn_data::read;
use unlearn_engine::{LanguageModel, device};
use unlearn_eval::observe::Effort;
use unlearn_eval::{Beside, EvalSet, Looked, Observer, Store, answers, look, metrics, take};

const SETS: [&str; 3] = ["forget", "retain", "holdout"];

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/golden/metrics")
}

fn model() -> LanguageModel {
    LanguageModel::read(&golden().join("model"), &device::by_name("cpu").expect("cpu")).expect("the golden model")
}

fn expected() -> Value {
    let text = std::fs::read_to_string(golden().join("metrics.json")).expect("golden values");
    serde_json::from_str(&text).expect("JSON")
}

fn sets() -> Vec<EvalSet> {
    let rows = |name: &str| read::rows(&golden().join(format!("{name}.jsonl")), None).expect("rows");
    SETS.iter().map(|name| EvalSet::new(*name, rows(name))).collect()
}

fn seen(tokens: usize, store: Store) -> Looked {
    let model = model();
    let encoder = model.encoder(&ChatSection::default());
    let effort = Effort { tokens, batch_size: 5, max_new_tokens: 32, ..Effort::default() };
    let observer = Observer { model: &model, guard: None, encoder: &encoder, digest: "golden".into(), store, effort };
    look(&observer, &metrics::by_name(&[]).expect("all"), &sets(), &mut |_| ()).expect("looks")
}

fn report(looked: &Looked) -> EvalReport {
    let beside = Beside { subject: looked, retrained: None, reference: None, shadows: &[] };
    take(&beside, Subject::default(), &metrics::by_name(&[]).expect("all"), &sets(), 0)
}

fn close(name: &str, ours: f64, theirs: f64) {
    // Relative; where float32 left only rounding, it is absolute.
    assert!((ours - theirs).abs() <= 1e-4 * theirs.abs().max(1e-2), "{name}: {ours} instead of {theirs}");
}

#[test]
fn a_question_becomes_the_same_tokens_and_labels() {
    let expected = expected();
    let rows = read::rows(&golden().join("forget.jsonl"), Some(1)).expect("rows");
    let tokens = model().encoder(&ChatSection::default()).encode(&rows[0]).expect("encodes");
    assert_eq!(serde_json::json!(tokens.ids), expected["example_tokens"]["input_ids"]);
    assert_eq!(serde_json::json!(tokens.labels), expected["example_tokens"]["labels"]);
}

#[test]
fn every_metric_of_a_set_agrees_item_by_item() {
    let (ours, expected) = (report(&seen(512, Store::none())), expected());
    let cases = [
        ("probability", "probability", "prob"),
        ("probability-paraphrased", "probability_paraphrased", "prob"),
        ("probability-perturbed", "probability_perturbed", "prob"),
        ("probability-normalised", "probability_normalised", "prob"),
        ("truth-ratio", "truth_ratio", "score"),
        ("exact-memorization", "exact_memorization", "score"),
        ("extraction-strength", "extraction_strength", "score"),
        ("rouge", "rouge", "rougeL_recall"),
        ("rouge-1", "rouge", "rouge1_recall"),
        ("rouge-f1", "rouge", "rougeL_f1"),
    ];
    let mut compared = 0;
    for (metric, theirs, key) in cases {
        for set in ["forget", "retain"] {
            let name = format!("{set}/{metric}");
            let golden = &expected[format!("{set}/{theirs}")];
            if golden.is_null() {
                continue;
            }
            let score = &ours.metrics[&name];
            for (i, item) in score.per_item.iter().enumerate() {
                match (item, &golden["value_by_index"][i.to_string()][key]) {
                    (Item::Value(x), Value::Number(y)) => close(&name, *x, y.as_f64().expect("a number")),
                    (Item::Values(xs), Value::Array(ys)) => {
                        assert_eq!(xs.len(), ys.len());
                        xs.iter().zip(ys).for_each(|(x, y)| close(&name, *x, y.as_f64().expect("a number")));
                    }
                    (ours, theirs) => panic!("{name} of row {i}: {ours:?} and {theirs}"),
                }
                compared += 1;
            }
            // One golden value serves the three figures of ROUGE; it is of the first.
            if metric == "rouge" || theirs != "rouge" {
                close(&name, score.value.expect("a value"), golden["agg_value"].as_f64().expect("a number"));
            }
        }
    }
    assert_eq!(compared, 10 * 36 - 24, "every item of ten metrics, one of which has no retain values");
}

#[test]
fn every_membership_attack_agrees_item_by_item() {
    let (ours, expected) = (report(&seen(512, Store::none())), expected());
    let cases = [
        ("mia/loss", "mia/loss"),
        ("mia/zlib", "mia/zlib"),
        ("mia/min-k", "mia/min_k_0.4"),
        ("mia/min-k-plus-plus", "mia/min_k_plus_plus_0.4"),
        ("mia/gradient-norm", "mia/gradnorm_2"),
    ];
    for (name, theirs) in cases {
        let (score, golden) = (&ours.metrics[name], &expected[theirs]);
        assert_eq!((score.n, score.parts["forget-rows"]), (24, 12.0));
        for (i, item) in score.per_item.iter().enumerate() {
            let (set, at) = if i < 12 { ("forget", i) } else { ("holdout", i - 12) };
            let value = golden[set]["value_by_index"][at.to_string()]["score"].as_f64().expect("a number");
            close(&format!("{name} of {set} row {at}"), item.value().expect("a value"), value);
        }
        close(name, score.value.expect("a value"), golden["auc"].as_f64().expect("a number"));
    }
}

#[test]
fn the_same_answers_are_given() {
    let expected = expected();
    let said = answers(&seen(512, Store::none()));
    assert_eq!(said.len(), 48);
    for answer in said.iter().filter(|a| a.set != "holdout") {
        let golden = &expected[format!("{}/rouge", answer.set)]["value_by_index"][answer.index.to_string()];
        assert_eq!(answer.generation, golden["generation"].as_str().expect("a text").trim(), "{answer:?}");
    }
}

#[test]
fn what_was_seen_is_kept_and_found_again() {
    let dir = tempfile::tempdir().expect("temp dir");
    let store = Store::in_folder(dir.path().join("observations"));
    let first = report(&seen(512, store.clone()));
    let files = || std::fs::read_dir(dir.path().join("observations")).expect("a folder").count();
    assert_eq!(files(), 8, "three of likelihoods, three of answers, two of gradients");
    assert_eq!(first, report(&seen(512, store.clone())));
    assert_eq!(files(), 8);
    // A file that was cut is made anew.
    let one = std::fs::read_dir(dir.path().join("observations")).expect("a folder").next().expect("one").expect("one");
    std::fs::write(one.path(), "{").expect("writes");
    assert_eq!(first, report(&seen(512, store)));
}

#[test]
fn how_much_is_done_at_once_does_not_matter() {
    let (few, many) = (report(&seen(1, Store::none())), report(&seen(1 << 14, Store::none())));
    assert_eq!(few.metrics.len(), many.metrics.len());
    for (name, score) in &few.metrics {
        close(name, score.value.expect("a value"), many.metrics[name].value.expect("a value"));
    }
}
