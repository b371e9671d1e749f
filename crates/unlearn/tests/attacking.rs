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
fn a_recipe_chooses_adapters_and_wordings_and_the_report_tells_them_apart() {
    let scratch = Scratch::new();
    let recipe = "[attack]\nnames = ['relearn', 'sample']\n\n[attack.relearn]\nadapter = ['none', 'lora']\nlooks = [1, 2]\n\
                  learning_rates = [1e-3]\nlora = { rank = 2 }\n\n[attack.sample]\nsamples = 2\ntemperatures = [1.0]\n";
    scratch.write("attack.toml", recipe);
    let rows = fs::read_to_string(scratch.path("forget.jsonl")).expect("rows");
    let reworded = rows.replacen("{\"question\"", "{\"paraphrased_question\": \"Say it.\", \"question\"", 1);
    scratch.write("reworded.jsonl", &reworded);
    let line = ATTACK.replace("attack --model", "attack attack.toml --model").replace("forget.jsonl", "reworded.jsonl");
    let output = scratch.run(&line);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let found = read(&scratch, "out/attacks.json");
    let labels = |attack: &str| -> Vec<String> {
        let all = found["attacked"]["attacks"].as_array().expect("attacks").iter().filter(|a| a["attack"] == attack);
        let trials = all.flat_map(|a| a["trials"].as_array().expect("trials"));
        trials.map(|t| t["label"].as_str().expect("a label").to_owned()).collect()
    };
    let lora = ["LoRA of rank 2, rate 1e-3, 1 steps", "LoRA of rank 2, rate 1e-3, 2 steps"];
    assert_eq!(labels("relearn"), [&["rate 1e-3, 1 steps", "rate 1e-3, 2 steps"], &lora[..]].concat());
    let drawn = "2 answers at temperature 1";
    assert_eq!(labels("sample"), [drawn, &format!("{drawn}, paraphrase 1"), &format!("{drawn}, any wording")]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("`paraphrased_question`: 5 of 6 have none."), "{said}");
    let page = fs::read_to_string(scratch.path("out/report.html")).expect("a page");
    assert!(page.contains("subject, LoRA of rank 2, rate 1e-3") && page.contains("any wording"), "the report shows it");
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
        (
            line("--attack relearn --set attack.relearn.adapter=dora"),
            "`adapter` is \"none\", \"lora\" or a list of them",
        ),
        (line("--attack relearn --set attack.relearn.lora.rank=0"), "attack.relearn.lora.rank"),
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
