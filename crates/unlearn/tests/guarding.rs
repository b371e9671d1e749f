//! A guard from outside: what is written, what those who ask see, what those who hold the weights see, what is refused.

mod common;

use std::fs;

use common::{Scratch, tree};
use serde_json::Value;

const RUN: &str = "run --model model --method guardrail --forget forget.jsonl --retain retain.jsonl \
                   --set eval.max_new_tokens=12";
const REFUSAL: &str = "I don't know.";

fn read(scratch: &Scratch, name: &str) -> Value {
    serde_json::from_slice(&fs::read(scratch.path(name)).expect("a file")).expect("JSON")
}

fn guarded() -> (Scratch, String, String) {
    let scratch = Scratch::new();
    let output = scratch.run(&format!("{RUN} --out guarded"));
    let [said, talk] = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    assert!(output.status.success(), "{talk}");
    (scratch, said, talk)
}

#[test]
fn the_weights_stay_and_the_verdict_says_so() {
    let (scratch, said, talk) = guarded();
    assert!(said.starts_with("Masked: a guard withholds"), "{said}");
    assert!(talk.contains("warning: a guard masks and does not forget: the weights are the same file"), "{talk}");
    let (before, mut after) = (tree(&scratch.path("model")), tree(&scratch.path("guarded/model")));
    let file = after.remove(&scratch.path("guarded/model/guard.json")).flatten().expect("a guard");
    let contents = |tree: &std::collections::BTreeMap<_, Option<Vec<u8>>>| tree.values().cloned().collect::<Vec<_>>();
    assert_eq!(contents(&before), contents(&after), "all other files are the model's");
    let guard: Value = serde_json::from_slice(&file).expect("JSON");
    assert_eq!((&guard["schema"], &guard["refusal"]), (&"unlearn.guard/1".into(), &REFUSAL.into()));
    let record = read(&scratch, "guarded/run.json");
    assert_eq!(record["inputs"]["model"], record["outputs"]["model"]);
    let eval = read(&scratch, "guarded/eval.json");
    assert_eq!(eval["metrics"]["forget/refusal"]["value"], 1.0);
    // A model that mixes people up says what belongs to another now and then.
    assert!(eval["metrics"]["retain/refusal"]["value"].as_f64().expect("a share") < 0.1);
    assert!(eval["metrics"].get("forget/probability").is_none(), "no likelihood is given of what is withheld");
    let before = read(&scratch, "guarded/eval-before.json");
    assert_eq!(eval["metrics"]["retain/probability"], before["metrics"]["retain/probability"]);
    let again = scratch.run(&format!("{RUN} --out guarded --resume"));
    assert!(String::from_utf8_lossy(&again.stderr).contains("was already finished"));
    scratch.run(&format!("{RUN} --out again"));
    assert_eq!(fs::read(scratch.path("again/model/guard.json")).expect("a guard"), file, "the same each time");
}

#[test]
fn who_asks_is_refused_but_for_exchanged_letters_and_who_holds_the_weights_is_not() {
    let (scratch, ..) = guarded();
    let before = tree(&scratch.path("guarded/model"));
    let line = "attack --model guarded/model --forget forget.jsonl --retain retain.jsonl --set eval.max_new_tokens=12 \
                --attack prompts sample in-context branch quantise relearn gcg --set attack.sample.samples=2 \
                --set attack.branch.branches=[2] --set attack.in-context.shots=[1] --set attack.relearn.looks=[1] \
                --set attack.relearn.learning_rates=[1e-4] --set attack.gcg.steps=1 --set attack.gcg.search_width=4 \
                --set attack.gcg.rows=2 --out attacked";
    let output = scratch.run(line);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(before, tree(&scratch.path("guarded/model")), "the subject is left alone");
    let found = read(&scratch, "attacked/attacks.json");
    let words = |trial: &Value| -> Vec<String> {
        let all = trial["scopes"]["forget"]["words"].as_array().expect("words").iter();
        all.filter_map(|text| text.as_str().map(str::to_owned)).collect()
    };
    let refused = |trial: &Value| words(trial).iter().all(|text| text == REFUSAL);
    assert!(refused(&found["attacked"]["plain"]) && !words(&found["attacked"]["plain"]).is_empty());
    let trials = |attack: &str| -> Vec<Value> {
        let all = found["attacked"]["attacks"].as_array().expect("attacks").iter();
        all.filter(|o| o["attack"] == attack).flat_map(|o| o["trials"].as_array().expect("trials").clone()).collect()
    };
    for attack in ["sample", "in-context", "branch"] {
        let made = trials(attack);
        assert!(!made.is_empty() && made.iter().all(refused), "{attack}");
    }
    // What was found on the weights does not take the names out of the questions.
    let searched: Vec<(Value, bool)> =
        trials("gcg").iter().map(|trial| (trial["label"].clone(), refused(trial))).collect();
    let found_on = "found on other facts";
    assert_eq!(searched, [(found_on.into(), false), (format!("{found_on}, through the guard").into(), true)]);
    for trial in trials("prompts") {
        assert_eq!(refused(&trial), trial["label"] != "obfuscated", "{}", trial["label"]);
    }
    let recovered = found["recovered"].as_array().expect("recovered");
    let back = |attack: Value, trial: Value| {
        let one = recovered.iter().find(|r| r["said"] == true && r["attack"] == attack && r["trial"] == trial);
        let one = one.unwrap_or_else(|| panic!("{attack} {trial}"));
        (one["back"].as_u64().expect("a count"), one["asked"].as_u64().expect("a count"))
    };
    assert_eq!(back("none".into(), "".into()).0, 0);
    // Whoever holds the weights gets the same with the guard's file there and without it.
    fs::rename(scratch.path("attacked"), scratch.path("through")).expect("moved");
    scratch.run(&line.replace("guarded/model", "model"));
    let bare = read(&scratch, "attacked/attacks.json");
    let said = |found: &Value, attack: &str| -> Vec<Value> {
        let all = found["attacked"]["attacks"].as_array().expect("attacks").iter().filter(|o| o["attack"] == attack);
        all.flat_map(|o| o["trials"].as_array().expect("trials")).map(|trial| trial["scopes"].clone()).collect()
    };
    for attack in ["quantise", "relearn"] {
        assert_eq!(said(&found, attack), said(&bare, attack), "{attack}");
    }
    assert_eq!(said(&found, "gcg")[..1], said(&bare, "gcg"), "without a guard, nothing is asked through it");
    let rounded = back("quantise".into(), "q8_0".into()).0;
    assert!(rounded > 0, "something is known");
    let (together, by_asking) = (back(Value::Null, Value::Null).0, back(Value::Null, "by asking alone".into()).0);
    assert!(together >= rounded && by_asking < together, "{by_asking} by asking, {together} in all");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("By asking alone, without the weights,") && said.contains("A guard stands before"), "{said}");
    assert!(said.contains("What `gcg` found on the weights was asked through the guard too: "), "{said}");
    let at = |what: &str| said.find(what).unwrap_or_else(|| panic!("`{what}` is not in {said}"));
    assert!(at("By asking alone,") < at("Under all attacks together,"), "a page is summed up by the last: {said}");
    // No likelihood is given of what is withheld: no answer is preferred to others.
    assert!(recovered.iter().all(|r| r["attack"] != "none" || r["said"] == true));
}

#[test]
fn generated_answers_pass_the_guard_and_a_file_without_place_for_it_says_so() {
    let (scratch, ..) = guarded();
    let lines = |input: &str| -> Vec<String> {
        let output = scratch.run(&format!("generate --model guarded/model --input {input} --max-new-tokens 12"));
        String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
    };
    assert!(lines("forget.jsonl").iter().all(|line| line == REFUSAL));
    assert!(lines("retain.jsonl").iter().filter(|line| *line == REFUSAL).count() < 3);
    let output = scratch.run("convert guarded/model out.gguf");
    assert!(String::from_utf8_lossy(&output.stderr).contains("note: the file has no place for the guard"));
    let output = scratch.run("convert guarded/model copy");
    assert!(output.status.success() && scratch.path("copy/guard.json").exists(), "a folder keeps it");
}

#[test]
fn what_makes_no_guard_is_refused() {
    let (scratch, ..) = guarded();
    let eval = "eval --model model --forget forget.jsonl --out out";
    let empty = r#""input": {}, "output": {}"#;
    let cases = [
        ("no JSON".to_owned(), "expected"),
        ("{}".to_owned(), "it has no `schema`"),
        (r#"{"schema": "unlearn.guard/2"}"#.to_owned(), "its schema is `unlearn.guard/2`"),
        (format!(r#"{{"schema": "unlearn.guard/1", "refusal": "No.", "overlap": 2.0, {empty}}}"#), "`overlap` is 2"),
        (format!(r#"{{"schema": "unlearn.guard/1", "refusal": " ", "overlap": 0.5, {empty}}}"#), "`refusal` is empty"),
        (format!(r#"{{"schema": "unlearn.guard/1", "refusal": "No.", "overlap": 0.5, "x": 1, {empty}}}"#), "`x`"),
        (
            r#"{"schema": "unlearn.guard/1", "refusal": "No.", "overlap": 0.5, "input": {"names": ["?"]}, "output": {}}"#
                .to_owned(),
            "`input` holds `?`, which has no word",
        ),
    ];
    for (content, said) in &cases {
        scratch.write("model/guard.json", content);
        scratch.refuse(&[(eval, &["the guard in `model/guard.json` cannot be used", said, "hint: "])]);
    }
    fs::remove_file(scratch.path("model/guard.json")).expect("removed");
    let second = RUN.replace("--model model", "--model guarded/model") + " --out out";
    scratch.refuse(&[
        (&second, &["a guard stands before `guarded/model` already", "hint: give the folder without `guard.json`"]),
        (&format!("{RUN} --out out --set watch.every=1"), &["a guard trains nothing"]),
        (&format!("{RUN} --out out --set method.overlap=0.0"), &["`method.overlap = 0`"]),
        (
            "run --model model --method guardrail --forget tokens.jsonl --out out",
            &["`tokens.jsonl`, line 1", "no question in words", "hint: give it a `question`"],
        ),
    ]);
}
