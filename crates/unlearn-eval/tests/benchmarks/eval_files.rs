//! The files that other tools read.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use unlearn_core::score::{Answer, Direction, Item, Score};
use unlearn_eval::benchmarks::eval_files;

use crate::made::{Made, shared};

fn score(value: f64, per_item: Vec<Item>) -> Score {
    let n = per_item.len();
    Score {
        value: Some(value),
        interval: None,
        n,
        direction: Direction::Neither,
        per_item,
        gap: None,
        parts: BTreeMap::new(),
    }
}

fn items(values: &[f64]) -> Vec<Item> {
    values.iter().map(|&x| Item::Value(x)).collect()
}

fn scores() -> BTreeMap<String, Score> {
    let mut attack = score(0.75, items(&[1.0, 3.0, 5.0]));
    attack.parts.insert("forget-rows".into(), 2.0);
    let nothing = Score { value: None, ..score(0.0, Vec::new()) };
    [
        ("forget/probability", score(0.375, vec![Item::Value(0.5), Item::Value(0.25), Item::Missing])),
        ("forget/probability-perturbed", score(0.5, vec![Item::Values(vec![0.25, 1.0])])),
        ("forget/truth-ratio", score(0.5, items(&[2.0]))),
        ("retain/truth-ratio", score(0.5, items(&[0.5]))),
        ("world-facts/probability-normalised", score(0.5, items(&[0.5]))),
        ("forget/rouge", score(0.25, items(&[0.5, 0.0]))),
        ("forget/rouge-1", score(0.5, items(&[1.0, 0.0]))),
        ("forget/extraction-strength", score(0.1, items(&[0.1]))),
        ("forget-verbatim/verbatim", score(0.2, items(&[0.2]))),
        ("retain-knowledge/knowledge", score(0.3, items(&[0.3]))),
        ("mia/min-k", attack),
        ("model-utility", score(0.6, Vec::new())),
        ("forget-quality", nothing),
    ]
    .map(|(name, score)| (name.to_owned(), score))
    .into()
}

fn answer(set: &str, index: usize) -> Answer {
    let text = |what: &str| format!("{what} {index}");
    Answer { set: set.into(), index, question: text("Q"), answer: text("A"), generation: text("G") }
}

#[test]
fn tofu_has_the_fields_keys_and_shapes() {
    let files = eval_files::of("tofu", &scores(), &[answer("retain", 1), answer("forget", 1)]).expect("files");
    let eval = &files.eval;
    let ln2 = std::f64::consts::LN_2;
    assert_eq!(eval["forget_Q_A_Prob"]["value_by_index"]["0"], json!({"prob": 0.5, "avg_loss": ln2}));
    assert_eq!(eval["forget_Q_A_Prob"]["value_by_index"]["2"], json!({"prob": null, "avg_loss": null}));
    let wrong = &eval["forget_Q_A_PERT_Prob"]["value_by_index"]["0"];
    assert_eq!(wrong["prob"], json!([0.25, 1.0]));
    assert_eq!(wrong["avg_loss"][0], json!(2.0 * ln2));
    assert_eq!(eval["forget_truth_ratio"], json!({"agg_value": 0.5, "value_by_index": {"0": {"score": 2.0}}}));
    assert_eq!(eval["retain_Truth_Ratio"]["value_by_index"]["0"]["score"], 0.5);
    assert_eq!(eval["wf_Q_A_Prob_normalised"]["value_by_index"]["0"], json!({"prob": 0.5}));
    let said = json!({
        "rouge1_recall": 0.0, "rougeL_recall": 0.0, "input": "Q 1", "ground_truth": "A 1", "generation": "G 1"
    });
    assert_eq!(eval["forget_Q_A_ROUGE"]["value_by_index"]["1"], said);
    assert_eq!(eval["forget_Q_A_ROUGE"]["agg_value"], 0.25);
    let attack = json!({
        "forget": {"agg_value": 2.0, "value_by_index": {"0": {"score": 1.0}, "1": {"score": 3.0}}},
        "holdout": {"agg_value": 5.0, "value_by_index": {"0": {"score": 5.0}}},
        "auc": 0.75, "agg_value": 0.75,
    });
    assert_eq!(eval["mia_min_k"], attack);
    assert_eq!(eval["forget_quality"], json!({"agg_value": null}));
    assert_eq!(eval["ra_Q_A_Prob"], Value::Null, "what was not taken is not there");
    assert_eq!(files.summary["model_utility"], 0.6);
    assert_eq!(files.summary.get("forget_quality"), None, "a summary holds what has a value");
    assert_eq!(files.summary["extraction_strength"], 0.1);
    let keys: Vec<_> = files.summary.as_object().expect("an object").keys().collect();
    assert!(keys.is_sorted());
}

#[test]
fn muse_has_the_fields_keys_and_shapes() {
    let files = eval_files::of("muse", &scores(), &[answer("forget-verbatim", 0)]).expect("files");
    let said = json!({"rougeL_f1": 0.2, "input": "Q 0", "ground_truth": "A 0", "generation": "G 0"});
    assert_eq!(files.eval["forget_verbmem_ROUGE"], json!({"agg_value": 0.2, "value_by_index": {"0": said}}));
    assert_eq!(files.summary, json!({"forget_verbmem_ROUGE": 0.2, "mia_min_k": 0.75, "retain_knowmem_ROUGE": 0.3}));
    assert_eq!(eval_files::of("mmlu", &scores(), &[]), None);
}

#[test]
fn both_files_are_written() {
    let made = Made::new();
    let files = eval_files::tofu(&scores(), &[]);
    let paths = files.write(&made.path("")).expect("writes");
    assert_eq!(paths, [made.path("TOFU_EVAL.json"), made.path("TOFU_SUMMARY.json")]);
    let read = |path| serde_json::from_str::<Value>(&std::fs::read_to_string(path).expect("a file")).expect("JSON");
    assert_eq!((read(&paths[0]), read(&paths[1])), (files.eval, files.summary));
}

/// The golden file came from the other tool: what ours writes of its own numbers has its keys and its shapes.
#[test]
fn the_shapes_of_the_other_tools_own_file() {
    let Some(folder) = shared("../golden/tofu-smollm2") else { return };
    let text = std::fs::read_to_string(folder.join("metrics.json")).expect("golden values");
    let golden: Value = serde_json::from_str(&text).expect("JSON");
    let taken = |key: &str, field: &str| {
        let by_index = golden[key]["value_by_index"].as_object().expect("items");
        let item = |value: &Value| match &value[field] {
            Value::Array(all) => Item::Values(all.iter().filter_map(Value::as_f64).collect()),
            one => Item::from(one.as_f64()),
        };
        score(golden[key]["agg_value"].as_f64().expect("a value"), by_index.values().map(item).collect())
    };
    let scores = BTreeMap::from([
        ("forget/probability".to_owned(), taken("forget_Q_A_Prob", "prob")),
        ("forget/probability-paraphrased".to_owned(), taken("forget_Q_A_PARA_Prob", "prob")),
        ("forget/probability-perturbed".to_owned(), taken("forget_Q_A_PERT_Prob", "prob")),
        ("forget/truth-ratio".to_owned(), taken("forget_truth_ratio", "score")),
        ("forget/exact-memorization".to_owned(), taken("exact_memorization", "score")),
        ("forget/extraction-strength".to_owned(), taken("extraction_strength", "score")),
        ("real-authors/probability".to_owned(), taken("ra_Q_A_Prob", "prob")),
        ("real-authors/probability-normalised".to_owned(), taken("ra_Q_A_Prob_normalised", "prob")),
        ("real-authors/truth-ratio".to_owned(), taken("ra_Truth_Ratio", "score")),
    ]);
    let ours = eval_files::tofu(&scores, &[]).eval;
    let ours = ours.as_object().expect("an object");
    assert_eq!(ours.len(), scores.len());
    for (key, value) in ours {
        let items = value["value_by_index"].as_object().expect("items");
        for (index, item) in items {
            let theirs = &golden[key]["value_by_index"][index];
            for (field, ours) in item.as_object().expect("fields") {
                let pair = (ours.as_f64(), theirs[field].as_f64());
                let close = |a: f64, b: f64| (a - b).abs() <= 1e-5 * b.abs().max(1.0);
                let same = match pair {
                    (Some(a), Some(b)) => close(a, b),
                    _ => ours.as_array().expect("a list").len() == theirs[field].as_array().expect("a list").len(),
                };
                assert!(same, "{key} {index} {field}: {ours} and {}", theirs[field]);
            }
        }
    }
}
