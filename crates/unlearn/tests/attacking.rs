//! `unlearn attack` from outside: what comes back, what is written, what is refused.

mod common;

use std::fs;

use common::Scratch;
use serde_json::Value;

const ATTACK: &str = "attack --model model --retrained model --forget forget.jsonl --retain retain.jsonl \
                      --set eval.max_new_tokens=12 --set eval.rows=6 --out out";

fn read(scratch: &Scratch, name: &str) -> Value {
    serde_json::from_slice(&fs::read(scratch.path(name)).expect("a file")).expect("JSON")
}

#[test]
fn attempts_are_counted_written_and_shown() {
    let scratch = Scratch::new();
    let line = format!("{ATTACK} --attack sample quantise --set attack.sample.samples=2");
    let output = scratch.run(&line);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("`forget` facts are said") && said.contains("Under all attacks together"), "{said}");
    let found = read(&scratch, "out/attacks.json");
    assert_eq!(found["schema"], "unlearn.attacks/1");
    let facts = found["facts"]["forget"].as_array().expect("facts").len();
    assert_eq!(facts, 6);
    let names: Vec<&str> =
        found["attacked"]["attacks"].as_array().expect("attacks").iter().filter_map(|a| a["attack"].as_str()).collect();
    assert_eq!(names, ["sample", "quantise"]);
    // The retrained model is the subject itself here: whatever comes, comes of both.
    for recovered in found["recovered"].as_array().expect("recovered") {
        assert_eq!(recovered["back"], recovered["retrained"][0], "{recovered}");
        assert!(recovered["p_retrained"].as_f64().expect("a chance") >= 0.5, "{recovered}");
        let asked = recovered["asked"].as_u64().expect("a count");
        assert!(asked > 0 && asked <= facts as u64, "{recovered}");
    }
    let page = fs::read_to_string(scratch.path("out/report.html")).expect("a page");
    assert!(page.contains("What attacks brought back") && page.contains("sample"), "the report shows it");
    assert!(!scratch.path("out/state").exists(), "a finished run keeps no state");
}

#[test]
fn a_suite_runs_when_nothing_is_named_and_budgets_hold() {
    let scratch = Scratch::new();
    let output = scratch.run(&format!("{ATTACK} --set attack.queries=1"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let found = read(&scratch, "out/attacks.json");
    assert_eq!(found["suite"], "quick");
    for outcome in found["attacked"]["attacks"].as_array().expect("attacks") {
        assert!(outcome["trials"].as_array().expect("attempts").len() <= 1, "{}", outcome["attack"]);
    }
}

#[test]
fn what_cannot_be_is_refused_before_anything_is_written() {
    let scratch = Scratch::new();
    let line = |more: &str| format!("{ATTACK} {more}");
    let cases = [
        (line("--attack relern"), "did you mean `relearn`"),
        (line("--suite quik"), "did you mean `quick`"),
        (line("--set attack.relearn.fold=3"), "did you mean `folds`"),
        (line("--attack relearn --set attack.relearn.folds=1"), "attack.relearn.folds"),
        (line("--set attack.second=3"), "did you mean `attack.seconds`"),
        (line("--attack sample --set attack.sample.samples=x"), "attack.sample"),
        (line("--suite quick --set attack.prompts.only=['paraphrased']"), "did you mean `paraphrase`"),
        (line("--attack prompts --set attack.prompts.files=['none.toml']"), "none.toml"),
        ("attack --model model --retain retain.jsonl --out out".to_owned(), "`--forget FILE`"),
    ];
    for (line, said) in &cases {
        scratch.refuse(&[(line, &[said])]);
    }
}

#[test]
fn the_attacks_and_suites_are_listed_and_described() {
    let scratch = Scratch::new();
    let text = |line: &str| String::from_utf8_lossy(&scratch.run(line).stdout).into_owned();
    let list = text("attacks");
    assert!(list.lines().any(|l| l.starts_with("relearn ")) && list.lines().any(|l| l.starts_with("quick ")), "{list}");
    let page = text("attacks show gcg");
    assert!(page.contains("# Objective") && page.contains("[attack.gcg]") && page.contains("folds = 2"), "{page}");
}
