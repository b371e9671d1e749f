//! Tokens, probabilities and ROUGE against open-unlearning's, in `testdata/golden/metrics`.

use std::path::{Path, PathBuf};

use serde_json::Value;
use unlearn_core::recipe::{ChatSection, EvalSection};
use unlearn_core::score::Subject;
use unlearn_data::read;
use unlearn_engine::{LanguageModel, device};
use unlearn_eval::{EvalSet, evaluate};

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

#[test]
fn a_question_becomes_the_same_tokens_and_labels() {
    let expected = expected();
    let rows = read::rows(&golden().join("forget.jsonl"), Some(1)).expect("rows");
    let tokens = model().encoder(&ChatSection::default()).encode(&rows[0]).expect("encodes");
    assert_eq!(serde_json::json!(tokens.ids), expected["example_tokens"]["input_ids"]);
    assert_eq!(serde_json::json!(tokens.labels), expected["example_tokens"]["labels"]);
}

#[test]
fn probability_and_rouge_of_every_item() {
    let (model, expected) = (model(), expected());
    let sets: Vec<EvalSet> = ["forget", "retain"]
        .iter()
        .map(|name| EvalSet {
            name: (*name).to_owned(),
            rows: read::rows(&golden().join(format!("{name}.jsonl")), None).expect("rows"),
        })
        .collect();
    let section = EvalSection { max_new_tokens: 32, batch_size: 5, ..EvalSection::default() };
    let done =
        evaluate(&model, &model.encoder(&ChatSection::default()), Subject::default(), &sets, &section, 0, &mut |_| ());
    let done = done.expect("evaluates");
    let keys = [("probability", "prob"), ("rouge", "rougeL_recall")];
    for (metric, key) in keys {
        for set in &sets {
            let name = format!("{}/{metric}", set.name);
            let score = &done.report.metrics[&name];
            assert_eq!(score.n, set.rows.len());
            for (i, value) in score.per_item.iter().enumerate() {
                let value = value.expect("every row has a value");
                let golden = expected[&name]["value_by_index"][i.to_string()][key].as_f64().expect("a number");
                assert!(
                    (value - golden).abs() <= 1e-4 * golden.abs(),
                    "{name} of row {i}: {value} instead of {golden}"
                );
            }
            let aggregate = expected[&name]["agg_value"].as_f64().expect("a number");
            assert!((score.value.expect("a mean") / aggregate - 1.0).abs() < 1e-4, "{name}");
        }
    }
    for answer in &done.answers {
        let golden = &expected[format!("{}/rouge", answer.set)]["value_by_index"][answer.index.to_string()];
        assert_eq!(answer.generation, golden["generation"].as_str().expect("a text").trim(), "{answer:?}");
    }
}
