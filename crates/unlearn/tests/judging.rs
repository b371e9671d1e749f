//! `unlearn eval` from outside: golden values, models beside each other, what is missing, and what is refused.

mod common;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use common::{Scratch, copy};
use serde_json::{Value, json};

const EVAL: &str = "eval --model model --forget forget.jsonl --retain retain.jsonl --holdout holdout.jsonl \
                    --set eval.max_new_tokens=32 --out out";

fn golden(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/golden/metrics");
    fs::read(folder.join(name)).expect("golden data")
}

fn scratch() -> Scratch {
    let scratch = Scratch::new();
    scratch.write("holdout.jsonl", golden("holdout.jsonl"));
    scratch
}

/// What a command that has to succeed says on stderr.
fn done(scratch: &Scratch, line: &str) -> String {
    let output = scratch.run(line);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "`{line}`: {said}");
    said
}

fn read(scratch: &Scratch, name: &str) -> Value {
    serde_json::from_slice(&fs::read(scratch.path(name)).expect("a file")).expect("JSON")
}

fn charges(eval: &Value) -> Vec<&str> {
    let findings = eval["verdict"]["findings"].as_array().expect("findings");
    findings.iter().filter(|f| f["found"] == json!(true)).filter_map(|f| f["charge"].as_str()).collect()
}

#[test]
fn every_golden_value_comes_out_of_the_command_line() {
    let scratch = scratch();
    let said = done(&scratch, EVAL);
    let times = said.split(", ").find_map(|s| s.split_once(" times as many")?.0.parse::<f64>().ok());
    assert!(times.expect("what it took") >= 3.0, "{said}");
    let (eval, golden): (Value, Value) =
        (read(&scratch, "out/eval.json"), serde_json::from_slice(&golden("metrics.json")).expect("JSON"));
    let names = [
        ("forget/probability", "forget/probability", "agg_value"),
        ("forget/probability-paraphrased", "forget/probability_paraphrased", "agg_value"),
        ("forget/probability-perturbed", "forget/probability_perturbed", "agg_value"),
        ("forget/probability-normalised", "forget/probability_normalised", "agg_value"),
        ("forget/truth-ratio", "forget/truth_ratio", "agg_value"),
        ("forget/rouge", "forget/rouge", "agg_value"),
        ("forget/exact-memorization", "forget/exact_memorization", "agg_value"),
        ("forget/extraction-strength", "forget/extraction_strength", "agg_value"),
        ("retain/probability", "retain/probability", "agg_value"),
        ("retain/truth-ratio", "retain/truth_ratio", "agg_value"),
        ("retain/rouge", "retain/rouge", "agg_value"),
        ("mia/loss", "mia/loss", "auc"),
        ("mia/zlib", "mia/zlib", "auc"),
        ("mia/min-k", "mia/min_k_0.4", "auc"),
        ("mia/min-k-plus-plus", "mia/min_k_plus_plus_0.4", "auc"),
        ("mia/gradient-norm", "mia/gradnorm_2", "auc"),
    ];
    for (ours, theirs, key) in names {
        let (x, y) = (&eval["metrics"][ours]["value"], &golden[theirs][key]);
        let (x, y) = (x.as_f64().expect(ours), y.as_f64().expect(theirs));
        assert!((x - y).abs() <= 1e-4 * y.abs(), "{ours}: {x} instead of {y}");
    }
}

#[test]
fn a_model_is_judged_beside_others() {
    let scratch = scratch();
    // The golden model knows the forget rows better than those it never saw, and is its own retrained model here.
    done(
        &scratch,
        &format!("{EVAL} --retrained model --reference model --set eval.metrics=[\"all\"] --set eval.samples=2"),
    );
    let eval = read(&scratch, "out/eval.json");
    let value = |name: &str| eval["metrics"][name]["value"].as_f64().unwrap_or_else(|| panic!("{name} is missing"));
    for set in ["forget", "retain", "holdout"] {
        for (metric, same) in [("kl", 0.0), ("js", 0.0), ("wasserstein", 0.0), ("cka", 1.0)] {
            let x = value(&format!("{set}/{metric}"));
            assert!((x - same).abs() < 1e-6, "{set}/{metric}: {x}");
        }
    }
    assert_eq!((value("forget-quality"), value("privleak"), value("mia/reference")), (1.0, 0.0, 0.5));
    assert_eq!((value("fade"), value("privacy-score")), (0.0, 1.0));
    let hidden = &eval["metrics"]["hidden-distance"];
    let part = |name: &str| hidden["parts"][name].as_f64().unwrap_or_else(|| panic!("{name} is missing: {hidden}"));
    let mean = (part("layer-000") + part("layer-001") + part("layer-002")) / 3.0;
    assert!((value("hidden-distance") - mean).abs() < 1e-12 && (0.0..=1.0).contains(&mean), "{hidden}");
    assert!(part("p-value") > 0.0 && part("p-value") <= 1.0 && hidden["interval"].is_null(), "{hidden}");
    assert!(eval["metrics"]["depth"].is_null(), "the retrained model's states cost nothing: no block carries anything");
    assert!(charges(&eval).is_empty(), "{:?}", charges(&eval));
    for name in ["eval-retrained.json", "eval-before.json", "report.html"] {
        assert!(scratch.path("out").join(name).exists(), "{name}");
    }
}

#[test]
fn gaps_are_in_units_of_the_retrained_models_own_spread() {
    let scratch = scratch();
    let trained = "train --model model --data retain.jsonl --quiet --set train.steps=2 --set train.learning_rate=1e-3";
    for seed in [1, 2] {
        done(&scratch, &format!("{trained} --seed {seed} --out r{seed}"));
    }
    let metrics = "--set eval.metrics=[\"probability\",\"mia/loss\",\"fade\"] --set eval.samples=4";
    done(&scratch, &format!("{EVAL} --retrained r1/model r2/model {metrics}"));
    let (eval, first) = (read(&scratch, "out/eval.json"), read(&scratch, "out/eval-retrained.json"));
    let fade = &eval["metrics"]["fade"]["value"];
    assert!(fade.as_f64().is_some_and(|x| x > 0.0), "two models that were trained apart: {fade}");
    for name in ["forget/probability", "retain/probability", "mia/loss"] {
        let (score, gap) = (&eval["metrics"][name], &eval["metrics"][name]["gap"]);
        let number = |value: &Value| value.as_f64().unwrap_or_else(|| panic!("{name}: {score}"));
        assert_eq!(gap["models"], json!(2), "{name}");
        let (value, mean, spread) = (number(&score["value"]), number(&gap["retrained"]), number(&gap["spread"]));
        // Of two values, the mean lies half way, and the deviation is the distance over the root of 2.
        let one = number(&first["metrics"][name]["value"]);
        assert!(((one - mean).abs() * 2f64.sqrt() - spread).abs() < 1e-12, "{name}");
        assert!((number(&gap["gap"]) - (value - mean)).abs() < 1e-12);
        let interval = &gap["interval"];
        assert_eq!(interval.is_null(), name == "mia/loss", "{name}: {gap}");
        if let Some([low, high]) = interval.as_array().map(|i| [number(&i[0]), number(&i[1])]) {
            assert!(low <= value - one && value - one <= high, "{name}: {gap}");
        }
        assert!(spread == 0.0 || (number(&gap["in_spreads"]) - (value - mean) / spread).abs() < 1e-6, "{name}");
    }
}

#[test]
fn what_was_seen_once_is_not_looked_at_again() {
    let scratch = scratch();
    done(&scratch, &format!("{EVAL} --set eval.observations=seen"));
    let seen = || fs::read_dir(scratch.path("seen")).expect("a folder").count();
    let before = seen();
    assert!(before > 0);
    // Another command, another seed, one metric less: all is there.
    let other = EVAL.replace("--out out", "--out other --seed 7 --set eval.metrics=[\"rouge\",\"probability\"]");
    done(&scratch, &format!("{other} --set eval.observations=seen"));
    let (a, b) = (read(&scratch, "out/eval.json"), read(&scratch, "other/eval.json"));
    for name in ["forget/rouge", "retain/probability"] {
        assert_eq!(a["metrics"][name]["per_item"], b["metrics"][name]["per_item"], "{name}");
    }
    // Only what has other tokens to be scored is new: without the wrong answers, a set's likelihoods are others.
    assert_eq!(seen(), before + 3);
    assert!(!scratch.path("out/state").exists(), "nothing stays behind in a finished run");
}

#[test]
fn an_answer_that_comes_to_nothing_is_missing_and_not_nought() {
    let scratch = scratch();
    let text = String::from_utf8(golden("forget.jsonl")).expect("text");
    let mut rows: Vec<Value> = text.lines().map(|l| serde_json::from_str(l).expect("a row")).collect();
    rows[3]["answer"] = json!("");
    rows[4]["paraphrased_answer"] = json!(" ");
    rows[5]["perturbed_answer"] = json!(["", ""]);
    scratch.write("forget.jsonl", rows.iter().map(|r| format!("{r}\n")).collect::<String>());
    let said = done(&scratch, EVAL);
    assert!(said.contains("1 of 12 `forget` rows have an answer that comes to no token"), "{said}");
    let metrics = &read(&scratch, "out/eval.json")["metrics"];
    let item = |name: &str, i: usize| metrics[name]["per_item"][i].clone();
    for name in ["probability", "rouge", "exact-memorization", "extraction-strength", "probability-normalised"] {
        assert_eq!(item(&format!("forget/{name}"), 3), Value::Null, "{name}");
    }
    assert_eq!(metrics["forget/probability"]["n"], json!(11));
    assert_eq!(metrics["mia/zlib"]["n"], json!(23));
    assert_eq!(item("forget/probability-paraphrased", 4), Value::Null);
    assert_eq!([item("forget/probability-perturbed", 5), item("forget/truth-ratio", 5)], [Value::Null, Value::Null]);
    assert!(item("forget/probability", 5).is_f64());
    let text = metrics.to_string();
    assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
}

#[test]
fn models_that_cannot_be_compared_are_refused() {
    let scratch = scratch();
    copy(&scratch.path("model"), &scratch.path("other"));
    let name = scratch.path("other/tokenizer.json");
    let mut tokenizer: Value = serde_json::from_slice(&fs::read(&name).expect("a tokenizer")).expect("JSON");
    // Without its merges, the same words come to other tokens.
    tokenizer["model"]["merges"] = json!([]);
    fs::write(&name, tokenizer.to_string()).expect("writes");
    let named = ["other tokens of `forget.jsonl`, line 1", "hint: "];
    for role in ["retrained", "reference"] {
        let model = format!("the {role} model `other`");
        scratch.refuse(&[(&format!("{EVAL} --{role} other --quiet"), &[&model, named[0], named[1]])]);
    }
    let run = "run --model model --method npo --forget forget.jsonl --retain retain.jsonl --retrained other --out out";
    scratch.refuse(&[(run, &["the retrained model `other`", named[0]])]);
}

#[test]
fn answers_that_are_no_numbers_are_refused() {
    let scratch = scratch();
    let name = scratch.path("model/model.safetensors");
    let mut bytes = fs::read(&name).expect("weights");
    let end = bytes.len();
    // The last values of the file, whichever they are: every row goes through each matrix.
    for value in bytes[end - 4096..].chunks_exact_mut(4) {
        value.copy_from_slice(&f32::NAN.to_le_bytes());
    }
    fs::write(&name, bytes).expect("writes");
    let output = scratch.run(EVAL);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("the subject is broken") && said.contains("row 1 of `forget`"), "{said}");
    assert!(said.contains("hint: "), "{said}");
    assert!(!scratch.path("out/eval.json").exists());
}

#[test]
fn killed_anywhere_an_evaluation_ends_in_the_same_scores() {
    let scratch = scratch();
    let line = format!("{EVAL} --retrained model --quiet --resume");
    let began = Instant::now();
    done(&scratch, &line.replace("--out out", "--out whole"));
    let whole = began.elapsed();
    for time in 1..=6 {
        let mut command = Command::new(env!("CARGO_BIN_EXE_unlearn"));
        command.args(line.split_whitespace()).current_dir(scratch.path("")).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().expect("starts");
        std::thread::sleep(whole * time / 7);
        child.kill().expect("a signal");
        child.wait().expect("an end");
    }
    done(&scratch, &line);
    for name in ["eval.json", "eval-retrained.json", "answers.jsonl"] {
        let [a, b] = ["whole", "out"].map(|run| fs::read(scratch.path(run).join(name)).expect("a file"));
        assert!(a == b, "{name} is another");
    }
    assert!(!scratch.path("out/state").exists());
}
