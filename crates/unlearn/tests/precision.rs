//! What is computed with products of bfloat16.

mod common;

use common::Scratch;
use serde_json::Value;

const RUN: &str = "run --method grad-diff --model model --forget forget.jsonl --retain retain.jsonl --set train.steps=6 \
                   --set train.batch_size=8 --set train.learning_rate=1e-4 --set eval.max_new_tokens=4 --quiet --json";

fn record(scratch: &Scratch, out: &str) -> Value {
    serde_json::from_str(&std::fs::read_to_string(scratch.path(out).join("run.json")).expect("run.json")).expect("JSON")
}

fn losses(scratch: &Scratch, out: &str) -> Vec<f64> {
    let text = std::fs::read_to_string(scratch.path(out).join("events.jsonl")).expect("events");
    let events = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    events.filter(|e| e["event"] == "step").map(|e| e["loss"].as_f64().expect("a loss")).collect()
}

#[test]
fn a_run_in_bfloat16_is_near_the_one_in_float32_and_is_never_taken_for_it() {
    let scratch = Scratch::new();
    for (out, precision) in [("exact", "float32"), ("rounded", "bfloat16"), ("again", "bfloat16")] {
        let done = scratch.run(&format!("{RUN} --precision {precision} --out {out}"));
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }
    let [exact, rounded, again] = ["exact", "rounded", "again"].map(|out| losses(&scratch, out));
    assert_eq!(rounded, again);
    assert_eq!(exact.len(), 6);
    for (a, b) in exact.iter().zip(&rounded) {
        assert!((a - b).abs() < 0.05 * a.abs().max(1.0), "{a} and {b}");
    }
    let used = record(&scratch, "rounded")["precision"].clone();
    if used == "float32" {
        println!("this machine multiplies no bfloat16: it computed in float32");
        assert_eq!(exact, rounded);
        return;
    }
    assert_eq!(used, "bfloat16");
    assert_ne!(exact, rounded);
    let other = format!("{RUN} --precision float32 --out rounded --resume");
    scratch.refuse(&[(&other, &["the recipe has changed"])]);
    let fault =
        scratch.fault("score --model model --input forget.jsonl --precision float16", &["precision", "bfloat16"]);
    assert_eq!(fault, None);
}
