//! `unlearn eval --shadow`

use std::path::PathBuf;

use serde_json::Value;

use crate::tiny::Tiny;

const SETS: [&str; 2] = ["forget", "holdout"];

fn golden(name: &str) -> PathBuf {
    let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../testdata/golden/metrics");
    dir.canonicalize().expect("golden data").join(name)
}

/// Writes every second row of both sets, beginning with the first or the second.
fn half(tiny: &Tiny, name: &str, first: usize) {
    let read = |set: &str| std::fs::read_to_string(golden(&format!("{set}.jsonl"))).expect("rows");
    let rows: String = SETS
        .iter()
        .flat_map(|set| read(set).lines().skip(first).step_by(2).map(|l| format!("{l}\n")).collect::<Vec<_>>())
        .collect();
    std::fs::write(tiny.path(name), rows).expect("a scratch folder");
}

fn train(tiny: &Tiny, data: &str, out: &str, seed: u64) {
    let model = golden("model");
    let how = "--quiet --set train.steps=40 --set train.batch_size=12 --set train.learning_rate=3e-3";
    let line = format!("train --model {} --data {data} --out {out} --seed {seed} {how}", model.display());
    tiny.run(&line, 0);
}

fn eval(tiny: &Tiny, shadows: &str, out: &str, status: i32) -> String {
    let [forget, holdout] = SETS.map(|set| golden(&format!("{set}.jsonl")));
    let sets = format!("--forget {} --holdout {}", forget.display(), holdout.display());
    let what = "--set eval.metrics=[\"mia/loss\",\"mia/lira\",\"mia/rmia\"]";
    tiny.run(&format!("eval --model subject/model {sets} {shadows} --out {out} {what}"), status).err
}

fn value(tiny: &Tiny, out: &str, metric: &str) -> f64 {
    let report: Value = tiny.json(&format!("{out}/eval.json"));
    report["metrics"][metric]["value"].as_f64().unwrap_or(f64::NAN)
}

#[test]
fn shadow_models_tell_what_a_subject_was_trained_on() {
    let tiny = Tiny::new();
    train(&tiny, &golden("forget.jsonl").display().to_string(), "subject", 9);
    for (first, data) in [(0, "even.jsonl"), (1, "odd.jsonl")] {
        half(&tiny, data, first);
        for seed in 0..2 {
            train(&tiny, data, &format!("shadow-{first}-{seed}"), seed);
        }
    }
    let all = "--shadow shadow-0-0/model shadow-0-1/model shadow-1-0/model shadow-1-1/model";
    assert!(!eval(&tiny, all, "online", 0).contains("nobody knows"));
    for metric in ["mia/lira", "mia/rmia"] {
        let auc = value(&tiny, "online", metric);
        assert!(auc > 0.9, "{metric}: {auc}");
    }
    // One who does not know what they were trained on takes them for models that saw nothing.
    for model in ["shadow-0-0", "shadow-0-1"] {
        std::fs::rename(tiny.path(model).join("run.json"), tiny.path(model).join("gone.json")).expect("a rename");
    }
    let said = eval(&tiny, "--shadow shadow-0-0/model shadow-0-1/model", "offline", 0);
    assert_eq!(said.matches("nobody knows what it was trained on").count(), 2, "{said}");
    assert!(value(&tiny, "offline", "mia/lira") != value(&tiny, "online", "mia/lira"));
    // A list beside the run says it instead.
    std::fs::copy(tiny.path("even.jsonl"), tiny.path("shadow-0-0/in.jsonl")).expect("a copy");
    std::fs::copy(tiny.path("even.jsonl"), tiny.path("shadow-0-1/model/in.jsonl")).expect("a copy");
    assert!(!eval(&tiny, all, "listed", 0).contains("nobody knows"));
    assert_eq!(value(&tiny, "listed", "mia/lira"), value(&tiny, "online", "mia/lira"));
    eval(&tiny, "", "without", 0);
    assert!(value(&tiny, "without", "mia/lira").is_nan() && value(&tiny, "without", "mia/loss") > 0.5);
    // What they were trained on must still be there.
    half(&tiny, "odd.jsonl", 0);
    let said = eval(&tiny, all, "changed", 2);
    assert!(said.contains("odd.jsonl`, which `") && said.contains("has changed since"), "{said}");
}
