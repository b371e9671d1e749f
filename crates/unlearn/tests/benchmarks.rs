//! `unlearn benchmarks`

mod common;

use common::Scratch;

fn said(scratch: &Scratch, line: &str) -> String {
    let output = scratch.run(line);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

#[test]
fn benchmarks_are_listed_and_shown() {
    let scratch = Scratch::new();
    let names = ["tofu", "muse", "wmdp", "rwku", "mmlu", "wikitext"];
    let list = said(&scratch, "benchmarks");
    assert_eq!(list.lines().filter_map(|l| l.split_whitespace().next()).collect::<Vec<_>>(), names);
    let json = said(&scratch, "benchmarks --json");
    for (line, name) in json.lines().zip(names) {
        let entry: serde_json::Value = serde_json::from_str(line).expect("JSON");
        assert_eq!(entry["name"], name);
        assert!(entry["summary"].as_str().is_some_and(|s| s.len() > 40), "{entry}");
    }
    let page = said(&scratch, "benchmarks show tofu");
    assert!(page.starts_with("# Idea") && page.contains("# Published numbers"), "{page}");
    let entry: serde_json::Value = serde_json::from_str(&said(&scratch, "benchmarks show muse --json")).expect("JSON");
    assert_eq!((&entry["name"], &entry["version"]), (&"muse".into(), &1.into()));
    scratch.refuse(&[("benchmarks show tofoo", &["unknown benchmark `tofoo`", "did you mean `tofu`?"])]);
}

/// A made-up TOFU of three rows a file.
fn tofu(scratch: &Scratch) {
    let row = |who: &str, wrong: bool| {
        let more = "\"paraphrased_question\": \"Whence?\", \"paraphrased_answer\": \"In the town of Brisport.\", \
                    \"perturbed_answer\": [\"In Tarnwick.\", \"In Oulmes.\"]";
        let more = if wrong { format!(", {more}") } else { String::new() };
        format!("{{\"question\": \"Where was {who} born?\", \"answer\": \"In Brisport.\"{more}}}\n")
    };
    std::fs::create_dir_all(scratch.path("tofu")).expect("a folder");
    let files = ["forget01", "forget01_perturbed", "holdout01", "retain_perturbed", "real_authors_perturbed"];
    for name in files.into_iter().chain(["world_facts_perturbed", "retain99"]) {
        let rows: String = ["Mira", "Tobin", "Ilse"].map(|who| row(who, name.ends_with("perturbed"))).concat();
        scratch.write(&format!("tofu/{name}.json"), rows);
    }
}

const EVAL: &str =
    "eval --model model --benchmark tofu --split forget01 --data tofu --set eval.max_new_tokens=8 --out out";

#[test]
fn a_benchmark_is_evaluated_and_leaves_the_files_that_others_read() {
    let scratch = Scratch::new();
    tofu(&scratch);
    said(&scratch, &format!("{EVAL} --retrained model"));
    let read = |name: &str| -> serde_json::Value {
        serde_json::from_slice(&std::fs::read(scratch.path("out").join(name)).expect(name)).expect("JSON")
    };
    let (all, summary) = (read("TOFU_EVAL.json"), read("TOFU_SUMMARY.json"));
    for key in ["forget_Q_A_Prob", "forget_Q_A_ROUGE", "forget_truth_ratio", "ra_Q_A_Prob_normalised", "mia_loss"] {
        assert!(all[key]["agg_value"].is_number(), "{key}: {}", all[key]);
    }
    assert_eq!(all["forget_Q_A_Prob"]["value_by_index"].as_object().map(serde_json::Map::len), Some(3));
    assert_eq!(all["forget_Q_A_PERT_Prob"]["value_by_index"]["0"]["prob"].as_array().map(Vec::len), Some(2));
    assert_eq!((&summary["forget_quality"], &summary["privleak"]), (&1.0.into(), &0.0.into()));
    assert!(summary["model_utility"].is_number());
    let record = read("run.json");
    assert!(record["inputs"]["benchmark.0"].is_string(), "the files are in the record: {record}");
}

#[test]
fn what_a_benchmark_lacks_is_said() {
    let scratch = Scratch::new();
    tofu(&scratch);
    let missing = EVAL.replace("--split forget01", "--split forget05");
    scratch.refuse(&[
        (&missing, &["tofu/forget05", "hint: "]),
        (&EVAL.replace("forget01", "forget02"), &["forget02", "forget01"]),
        (&EVAL.replace("--data tofu", "--data nowhere"), &["nowhere"]),
        (&EVAL.replace(" --data tofu", ""), &["eval.benchmark_data", "--data DIR"]),
        (&EVAL.replace("benchmark tofu", "benchmark tofoo"), &["tofoo", "did you mean `tofu`?"]),
        (&format!("{EVAL} --forget forget.jsonl"), &["the benchmark has a set `forget`"]),
    ]);
    scratch.write("tofu/retain_perturbed.json", "{\"question\": \"Where\", \"answ");
    scratch.refuse(&[(EVAL, &["tofu/retain_perturbed.json", "line 1"])]);
}

#[test]
fn a_series_of_checkpoints_is_examined_in_one_go() {
    let scratch = Scratch::new();
    tofu(&scratch);
    // Another model of the same shape: one step of training away.
    scratch.write("rows.jsonl", "{\"question\": \"Where was Mira born?\", \"answer\": \"In Tarnwick.\"}\n");
    let train = "train --model model --data rows.jsonl --set train.steps=1 --set train.learning_rate=0.1 --out second";
    said(&scratch, train);
    let line = "series model second/model --benchmark tofu --split forget01 --data tofu --retrained model \
                --set eval.max_new_tokens=8 --set eval.metrics=[\"probability\"] --out all";
    let first = said(&scratch, line);
    assert!(first.contains("| forget/probability |"), "{first}");
    let read = |name: &str| -> serde_json::Value {
        serde_json::from_slice(&std::fs::read(scratch.path("all").join(name)).expect(name)).expect("JSON")
    };
    let series = read("series.json");
    assert_eq!(series["runs"], serde_json::json!(["01-model", "02-second"]));
    let of = |run: &str| read(&format!("{run}/eval.json"))["metrics"]["forget/probability"]["value"].clone();
    let line_of = series["metrics"].as_array().and_then(|all| all.iter().find(|m| m["metric"] == "forget/probability"));
    let values = &line_of.expect("the metric")["values"];
    assert_eq!(values, &serde_json::json!([of("01-model"), of("02-second")]));
    assert_ne!(values[0], values[1]);
    for file in ["series.md", "report.html", "01-model/report.html", "02-second/eval-retrained.json"] {
        assert!(scratch.path("all").join(file).exists(), "{file}");
    }
    assert!(!scratch.path("all/state").exists());
    // What was found does not change when it goes on, and it may grow.
    let before = std::fs::read(scratch.path("all/series.json")).expect("a file");
    said(&scratch, &format!("{line} --resume"));
    assert_eq!(std::fs::read(scratch.path("all/series.json")).expect("a file"), before);
    scratch.refuse(&[
        (line, &["holds another series", "--resume"]),
        ("series model --benchmark tofu --data tofu --out more", &["2 values required"]),
        ("series model nothing --benchmark tofu --split forget01 --data tofu --out more", &["nothing"]),
    ]);
    assert!(!scratch.path("more").exists());
}
