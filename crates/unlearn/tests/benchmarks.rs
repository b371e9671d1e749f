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
