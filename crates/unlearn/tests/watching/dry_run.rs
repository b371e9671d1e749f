//! `--dry-run`: what it says is so, and it writes nothing.

use serde_json::Value;

use crate::tiny::{Tiny, files, unlearning};

fn plan(tiny: &Tiny, line: &str) -> Value {
    let before = tiny.tree();
    let said = tiny.run(&format!("{line} --dry-run --json"), 0).out;
    assert_eq!(tiny.tree(), before, "nothing is written");
    serde_json::from_str(&said).expect("JSON")
}

#[test]
fn the_plan_of_a_run_is_what_the_run_does() {
    let tiny = Tiny::new();
    // A method of its own kind of pass each: alone, with a reference, over other answers.
    for (method, retain) in [("npo", "kl"), ("grad-ascent", ""), ("idk-nll", ""), ("idk-dpo", "nll")] {
        let name = format!("method.name={method}");
        let term = format!("method.retain={retain}");
        let terms = if retain.is_empty() { vec![name.as_str()] } else { vec![name.as_str(), term.as_str()] };
        let out = format!("out-{method}");
        let recipe = std::fs::read_to_string(tiny.path("recipe.toml")).expect("the recipe");
        let bare = recipe.replace("name = 'npo'\nretain = 'kl'\n", "");
        std::fs::write(tiny.path("recipe.toml"), bare).expect("a recipe");
        let line = unlearning(&out, &[&terms[..], &["train.epochs=2.0", "train.steps=5"]].concat());
        let plan = plan(&tiny, &line);
        tiny.run(&line, 0);
        let steps = tiny.events(&out, "step");
        assert_eq!(plan["steps"], steps.len(), "{method}");
        assert_eq!(plan["tokens"], tiny.json(&format!("{out}/run.json"))["cost"]["tokens"], "{method}");
        assert_eq!(plan["rows"]["forget"], 12);
        assert_eq!(plan["trained_parameters"], plan["parameters"]);
        assert!(plan["estimated_training_seconds"].as_f64().is_some_and(|s| s > 0.0), "{plan}");
        std::fs::write(tiny.path("recipe.toml"), recipe).expect("the recipe again");
    }
}

#[test]
fn bytes_on_disk_are_those_that_come_to_lie_there() {
    let tiny = Tiny::new();
    // A run that diverges leaves its state.
    let set =
        ["watch.every=2", "watch.rows=5", "watch.disruption=9", "train.learning_rate=1e6", "train.save_seconds=0"];
    let line = unlearning("out", &set);
    let plan = plan(&tiny, &line);
    tiny.run(&line, 2);
    let bytes: usize = files(&tiny.path("out/state/reference")).values().map(Vec::len).sum();
    assert_eq!(plan["reference_bytes"], bytes);
    let asked = plan["reference"].as_array().expect("a list");
    assert_eq!(asked.iter().map(|a| a["bytes"].as_u64().expect("bytes")).sum::<u64>(), bytes as u64);
    assert_eq!(asked.last().expect("the watch's")["rows"], 5);
    let state = plan["state_bytes"].as_u64().expect("bytes") as usize;
    let saved = files(&tiny.path("out/state"));
    let saved = saved.iter().find(|(p, _)| p.to_string_lossy().contains("step-")).expect("a saved state").1.len();
    assert!((state..state + 20_000).contains(&saved), "{state} {saved}");
}

#[test]
fn adapters_and_fine_tuning_are_planned_too() {
    let tiny = Tiny::new();
    let whole = plan(&tiny, &unlearning("out", &[]));
    let lora = plan(&tiny, &unlearning("out", &["train.adapter=lora", "train.lora.rank=2"]));
    assert!(lora["trained_parameters"].as_u64() < whole["trained_parameters"].as_u64());
    let data = whole["rows"]["forget"].clone();
    let recipe = std::fs::read_to_string(tiny.path("recipe.toml")).expect("the recipe");
    std::fs::write(tiny.path("recipe.toml"), recipe.replace("forget =", "train =")).expect("a recipe");
    let tuning = plan(&tiny, "train recipe.toml --out out");
    assert_eq!((&tuning["command"], &tuning["rows"]["forget"]), (&Value::from("train"), &data));
    let said = tiny.run("train recipe.toml --out out --dry-run", 0).out;
    assert!(said.contains("steps              12, 3 to a pass") && said.contains("this was a dry run"), "{said}");
}

#[test]
fn it_refuses_what_the_run_would_refuse() {
    let tiny = Tiny::new();
    std::fs::create_dir(tiny.path("full")).expect("a folder");
    std::fs::write(tiny.path("full/file"), "x").expect("a file");
    for (line, said) in [
        (unlearning("full", &[]), "`full` is not empty, and holds no run"),
        (unlearning("out", &["train.layers=99"]), "`train.layers` does not fit the model"),
        (unlearning("out", &["train.reference_cache=1000"]), "`train.reference_cache` allows 0.0 GB"),
        (unlearning("out", &["train.max_memory=1000"]), "`train.max_memory` does not fit the model"),
        (unlearning("out", &["data.alternate=[\"missing.jsonl\"]", "method.name=dpo"]), "missing.jsonl"),
    ] {
        let before = tiny.tree();
        let err = tiny.run(&format!("{line} --dry-run"), 2).err;
        assert!(err.contains(said), "{line}: {err}");
        assert_eq!(tiny.tree(), before);
    }
}
