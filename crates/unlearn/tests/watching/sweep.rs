//! `unlearn sweep`

use crate::tiny::{Tiny, unlearning};

const SWEEP: &str = "sweep recipe.toml --quiet --out sweep --set train.steps=6";

#[test]
fn every_combination_is_run_in_order_and_compared() {
    let tiny = Tiny::new();
    let grid = "--grid train.learning_rate=1e-3,1e-4 --grid method.beta=0.1,0.5 --set watch.retain_within=0.5";
    let said = tiny.run(&format!("{SWEEP} {grid}"), 0).out;
    let results = tiny.json("sweep/sweep.json");
    let runs = results["runs"].as_array().expect("runs");
    let names: Vec<&str> = runs.iter().map(|r| r["name"].as_str().expect("a name")).collect();
    let expected = ["1e-3_beta=0.1", "1e-3_beta=0.5", "1e-4_beta=0.1", "1e-4_beta=0.5"];
    assert_eq!(names, expected.map(|n| format!("learning_rate={n}")));
    for run in runs {
        assert_eq!(run["status"], "finished");
        let name = run["name"].as_str().expect("a name");
        let scores = tiny.json(&format!("sweep/{name}/eval.json"));
        for set in ["forget", "retain"] {
            let value = &scores["metrics"][format!("{set}/probability")]["value"];
            assert_eq!(run["probability"][set]["after"], *value);
        }
    }
    let best = results["best"].as_str().expect("one is best");
    let table = std::fs::read_to_string(tiny.path("sweep/sweep.md")).expect("a table");
    assert!(table.lines().nth(2).is_some_and(|l| l.starts_with("| 1e-3 | 0.1 | ")), "{table}");
    assert_eq!(table.lines().filter(|l| l.ends_with("| best |")).count(), 1);
    assert!(table.contains(&format!("best: {best} (")) && said.contains(best), "{table}");
    // What is shared is what each run would have had by itself.
    tiny.unlearn("alone", &["train.steps=6", "train.learning_rate=1e-4", "method.beta=0.5", "watch.retain_within=0.5"]);
    assert_eq!(tiny.digest("alone"), tiny.digest(&format!("sweep/{}", names[3])));
    for file in ["eval-before.json", "answers-before.jsonl", "answers.jsonl"] {
        let read = |out: &str| std::fs::read(tiny.path(out).join(file)).expect(file);
        assert_eq!(read("alone"), read(&format!("sweep/{}", names[3])), "{file}");
    }
    assert!(!tiny.path("sweep/state").exists(), "a finished sweep keeps no state");
}

#[test]
fn a_run_that_diverges_is_noted_and_the_others_go_on() {
    let tiny = Tiny::new();
    let line = format!("{SWEEP} --grid train.learning_rate=1e6,1e-3");
    let said = tiny.run(&line, 1);
    assert!(said.err.contains("error: 1 of 2 runs failed"), "{}", said.err);
    let results = tiny.json("sweep/sweep.json");
    assert_eq!(results["runs"][0]["status"], "failed");
    assert!(results["runs"][0]["error"].as_str().is_some_and(|e| e.starts_with("training diverged at step ")));
    assert_eq!(results["runs"][1]["status"], "finished");
    // Finished and failed ones are left alone; the grid may grow.
    let record = std::fs::read(tiny.path("sweep/learning_rate=1e-3/run.json")).expect("a record");
    let grown = format!("{SWEEP} --resume --json --grid train.learning_rate=1e-4,1e6,1e-3");
    let said = tiny.run(&grown, 1);
    let printed: serde_json::Value = serde_json::from_str(&said.out).expect("JSON alone");
    assert_eq!(printed, tiny.json("sweep/sweep.json"));
    let status: Vec<_> = (0..3).map(|i| printed["runs"][i]["status"].clone()).collect();
    assert_eq!(status, ["finished", "failed", "finished"]);
    assert_eq!(std::fs::read(tiny.path("sweep/learning_rate=1e-3/run.json")).expect("a record"), record);
}

#[test]
fn what_cannot_be_run_is_refused_before_anything_is_written() {
    let tiny = Tiny::new();
    let before = tiny.tree();
    for (grid, said) in [
        ("--grid method.beta=0.1,-1", "the run `beta=-1` cannot be done"),
        ("--grid method.bta=0.1", "did you mean `beta`?"),
        ("--grid train.lerning_rate=0.1", "did you mean `train.learning_rate`?"),
        ("--grid train.layers=0,99", "the run `layers=99` cannot be done"),
        ("--grid train.steps", "`--grid train.steps` is not of the form"),
        ("--grid train.steps=1,1", "has the value `1` twice"),
        ("--grid train.steps=1 --grid train.steps=2", "names `train.steps` a second time"),
        ("--grid train.steps=1 --set eval.metrics=[\"rouge\"]", "`eval.metrics` lacks `probability`"),
    ] {
        let err = tiny.run(&format!("{SWEEP} {grid}"), 2).err;
        assert!(err.contains(said), "{grid}: {err}");
        assert_eq!(tiny.tree(), before, "{grid}");
    }
    tiny.run(&format!("{SWEEP} --grid train.learning_rate=1e-4"), 0);
    let before = tiny.tree();
    for (more, said) in [
        ("", "`sweep` holds another sweep"),
        (" --resume --seed 7", "`sweep` cannot be resumed: the recipe has changed since"),
    ] {
        let err = tiny.run(&format!("{SWEEP} --grid train.learning_rate=1e-4{more}"), 2).err;
        assert!(err.contains(said), "{err}");
        assert_eq!(tiny.tree(), before);
    }
    tiny.unlearn("lone", &["train.steps=1"]);
    let err = tiny.run("sweep recipe.toml --grid seed=1 --out lone --resume", 2).err;
    assert!(err.contains("`lone` is not empty, and holds no sweep"), "{err}");
    let err = tiny.run(&unlearning("sweep", &[]), 2).err;
    assert!(err.contains("`sweep` holds another run"), "{err}");
}
