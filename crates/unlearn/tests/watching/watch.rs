//! What is seen of a run while it trains, and what follows from it.

use serde_json::Value;

use crate::tiny::{Tiny, unlearning};

const FORGET: &str = "forget/probability";
const RETAIN: &str = "retain/probability";

fn number(event: &Value, name: &str) -> f64 {
    event[name].as_f64().expect("a number")
}

fn step(event: &Value) -> u64 {
    event["step"].as_u64().expect("a step")
}

/// The digest of the model after some steps.
fn digest_after(tiny: &Tiny, steps: u64) -> String {
    let out = format!("after-{steps}");
    tiny.unlearn(&out, &[&format!("train.steps={steps}")]);
    tiny.digest(&out)
}

#[test]
fn the_best_point_is_what_is_saved() {
    let tiny = Tiny::new();
    tiny.unlearn("best", &["watch.every=2", "watch.keep=best", "watch.retain_within=0.5"]);
    let points = tiny.events("best", "watch");
    assert_eq!(points.iter().map(step).collect::<Vec<_>>(), [0, 2, 4, 6, 8, 10, 12]);
    let keeps = |p: &&Value| number(p, RETAIN) >= 0.5 * number(&points[0], RETAIN);
    let best = points[1..].iter().filter(keeps).min_by(|a, b| number(a, FORGET).total_cmp(&number(b, FORGET)));
    let best = step(best.expect("one qualifies"));
    assert!(best < 12, "the last point should have lost too much: {points:?}");
    let kept = tiny.events("best", "kept");
    assert_eq!((step(&kept[0]), kept[0]["by"].as_str()), (best, Some("best")));
    let record = tiny.json("best/run.json");
    assert_eq!(record["kept"], serde_json::json!({"step": best, "steps": 12, "by": "best", "stopped": null}));
    assert_eq!(tiny.digest("best"), digest_after(&tiny, best));
    // Measured as the evaluation measures, before and after.
    for (file, point) in [("eval-before", 0), ("eval", best)] {
        let scores = tiny.json(&format!("best/{file}.json"));
        let point = points.iter().find(|p| step(p) == point).expect("a point");
        for name in [FORGET, RETAIN] {
            let value = scores["metrics"][name]["value"].as_f64().expect("a score");
            assert!((value - number(point, name)).abs() < 1e-6, "{file} {name}: {value} {point}");
        }
    }
    assert!(!tiny.path("best/state").exists());
}

#[test]
fn watching_alone_changes_nothing() {
    let tiny = Tiny::new();
    tiny.unlearn("watched", &["watch.every=5", "watch.rows=3", "watch.disruption=100"]);
    assert_eq!(tiny.digest("watched"), digest_after(&tiny, 12));
    assert_eq!(tiny.events("watched", "watch").iter().map(step).collect::<Vec<_>>(), [0, 5, 10, 12]);
    assert_eq!(tiny.events("watched", "kept")[0]["by"], "last");
    assert!(tiny.events("watched", "stopped").is_empty());
}

#[test]
fn patience_ends_a_run_that_gets_nowhere() {
    let tiny = Tiny::new();
    tiny.unlearn("patient", &["watch.every=2", "watch.patience=2", "watch.keep=best", "train.learning_rate=0"]);
    assert_eq!(tiny.events("patient", "watch").len(), 3);
    let stopped = &tiny.events("patient", "stopped")[0];
    assert_eq!((step(stopped), stopped["reason"].as_str()), (4, Some("patience")));
    assert_eq!(tiny.events("patient", "kept")[0]["by"], "none-qualified");
    assert_eq!(tiny.json("patient/run.json")["kept"]["stopped"], "patience");
}

#[test]
fn a_run_ends_once_enough_is_forgotten() {
    let tiny = Tiny::new();
    tiny.unlearn("enough", &["watch.every=1", "watch.forget_below=0.4"]);
    let points = tiny.events("enough", "watch");
    let (last, rest) = points.split_last().expect("points");
    assert!(number(last, FORGET) < 0.4 && rest.iter().all(|p| number(p, FORGET) >= 0.4), "{points:?}");
    assert_eq!(tiny.events("enough", "stopped")[0]["reason"], "forget-below");
    assert_eq!(tiny.digest("enough"), digest_after(&tiny, step(last)));
}

#[test]
fn over_the_disruption_budget_the_last_point_within_it_counts() {
    let tiny = Tiny::new();
    tiny.unlearn("budget", &["watch.every=1", "watch.disruption=0.1"]);
    let points = tiny.events("budget", "watch");
    let (last, rest) = points.split_last().expect("points");
    assert_eq!(number(&points[0], "disruption"), 0.0, "the reference is the model as it was");
    assert!(number(last, "disruption") > 0.1 && rest.iter().all(|p| number(p, "disruption") <= 0.1), "{points:?}");
    assert_eq!(tiny.events("budget", "stopped")[0]["reason"], "disruption");
    let kept = step(&tiny.events("budget", "kept")[0]);
    assert_eq!(kept + 1, step(last));
    assert_eq!(tiny.digest("budget"), digest_after(&tiny, kept));
}

#[test]
fn the_disruption_is_the_divergence_that_the_retain_term_trains() {
    let tiny = Tiny::new();
    // Every retain row in every step: its term before the next update is over the rows that are watched.
    let recipe = std::fs::read_to_string(tiny.path("recipe.toml")).expect("the recipe");
    std::fs::write(tiny.path("recipe.toml"), recipe.replace("retain.jsonl", "forget.jsonl")).expect("a recipe");
    tiny.unlearn("same", &["watch.every=1", "watch.disruption=100", "train.batch_size=12", "train.steps=5"]);
    for (point, next) in tiny.events("same", "watch").iter().zip(tiny.events("same", "step")) {
        let (ours, term) = (number(point, "disruption"), number(&next["terms"], "retain-kl"));
        assert!((ours - term).abs() < 1e-5 * term.max(1e-2), "{point} {next}");
    }
}

#[test]
fn a_diverging_run_keeps_its_last_good_weights_and_says_what_to_change() {
    let tiny = Tiny::new();
    let line = unlearning("diverged", &["watch.every=2", "watch.collapse=0", "train.learning_rate=1e6"]);
    let hint = "run again in a new folder with a lower `train.learning_rate` (now 1e6), a lower `train.clip` (now 1)";
    for line in [line.clone(), format!("{line} --resume")] {
        let said = tiny.run(&line, 2).err;
        assert!(said.contains("training diverged at step 2: ") || said.contains("at step 3: "), "{said}");
        assert!(said.contains("the last good weights are those before the first step"), "{said}");
        assert!(said.contains(hint) && said.contains("diverged/last-good` holds the last good weights"), "{said}");
    }
    assert_eq!(tiny.json("diverged/run.json")["finished"], false);
    assert_eq!(tiny.events("diverged", "watch").len(), 1);
    // They are a model that can be examined: the one that it was.
    let data = tiny.json("diverged/run.json")["inputs"]["model"].clone();
    let inspected = tiny.run("inspect diverged/last-good --json", 0).out;
    assert_eq!(serde_json::from_str::<Value>(&inspected).expect("JSON")["sha256"], data);
    assert!(!tiny.path("diverged/model").exists());
}

#[test]
fn a_model_that_answers_nothing_any_more_has_diverged() {
    let tiny = Tiny::new();
    let said = tiny.run(&unlearning("collapsed", &["watch.every=1", "train.learning_rate=0.1"]), 2).err;
    assert!(said.contains("(`watch.collapse`); the last good weights are those "), "{said}");
    assert!(tiny.path("collapsed/last-good/model.safetensors").exists());
}

#[test]
fn what_cannot_be_watched_is_refused() {
    let tiny = Tiny::new();
    let before = tiny.tree();
    for (set, said) in [
        ("watch.keep=best", "`watch.every = 0` is not possible: `watch.keep` looks at the model while it trains"),
        ("watch.rows=0", "`watch.rows = 0` is not possible: it must be at least 1"),
        ("watch.retain_within=2", "`watch.retain_within = 2` is not possible"),
        ("watch.disruption=-1", "a bound is \"none\" or a positive number, not -1"),
        ("watch.pacience=1", "did you mean `watch.patience`?"),
    ] {
        let err = tiny.run(&unlearning("out", &[set]), 2).err;
        assert!(err.contains(said), "{set}: {err}");
    }
    let alone = ["watch.every=1", "watch.patience=1", "data.retain=[]", "method.retain=none"];
    let err = tiny.run(&unlearning("out", &alone), 2).err;
    assert!(err.contains("the recipe does not say `data.retain`") && err.contains("`watch.patience`"), "{err}");
    assert_eq!(tiny.tree(), before);
}
