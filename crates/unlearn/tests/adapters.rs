//! Adapters and partial training from outside: folders, flags, interruptions.

mod common;

use std::collections::BTreeMap;
use std::path::Path;

use common::Scratch;
use serde_json::Value;
use unlearn::engine::checkpoint::WeightFiles;

const LORA: &str = "train --model model --data forget.jsonl --adapter lora --quiet --set train.steps=4 \
                    --set train.batch_size=4 --set train.learning_rate=0.01";

fn done(scratch: &Scratch, line: &str) {
    let output = scratch.run(line);
    assert!(output.status.success(), "`{line}`: {}", String::from_utf8_lossy(&output.stderr));
}

fn weights(folder: &Path) -> BTreeMap<String, Vec<f32>> {
    let files = WeightFiles::open(folder).expect("weights");
    files.names().map(|n| (n.to_owned(), files.read(n).expect("reads").expect("is there").values)).collect()
}

fn worst(a: &BTreeMap<String, Vec<f32>>, b: &BTreeMap<String, Vec<f32>>) -> f32 {
    let pairs = a.iter().flat_map(|(name, values)| values.iter().zip(&b[name]));
    pairs.map(|(x, y)| (x - y).abs()).fold(0.0, f32::max)
}

fn digest(scratch: &Scratch, run: &str) -> String {
    let record = std::fs::read_to_string(scratch.path(run).join("run.json")).expect("a record");
    let record: Value = serde_json::from_str(&record).expect("JSON");
    record["outputs"]["model"].as_str().expect("a digest").to_owned()
}

#[test]
fn a_run_leaves_adapters_that_merge_into_its_model_and_come_out_again() {
    let scratch = Scratch::new();
    done(&scratch, &format!("{LORA} --out run"));
    let (base, trained) = (weights(&scratch.path("model")), weights(&scratch.path("run/model")));
    assert!(worst(&base, &trained) > 1e-3, "nothing was learnt");
    done(&scratch, "convert model merged --adapter run/adapter");
    assert_eq!(weights(&scratch.path("merged")), trained);
    done(&scratch, "convert run/adapter also-merged");
    assert_eq!(weights(&scratch.path("also-merged")), trained);
    done(&scratch, "convert run/model apart --adapter run/adapter --unmerge");
    assert!(worst(&weights(&scratch.path("apart")), &base) < 1e-6);
    // An adapter folder is a model wherever one is asked for, adapters upon adapters included.
    let again = LORA.replace("--model model", "--model run/adapter");
    done(&scratch, &format!("{again} --out again"));
    assert!(worst(&weights(&scratch.path("again/model")), &trained) > 1e-3);
}

#[test]
fn unlearning_with_adapters_moves_the_chosen_layers_alone() {
    let scratch = Scratch::new();
    let line = "run --model model --method npo --forget forget.jsonl --retain retain.jsonl --adapter lora --layers 1 \
                --out run --quiet --set train.steps=3 --set train.learning_rate=0.01 --set eval.max_new_tokens=4";
    done(&scratch, line);
    let (base, after) = (weights(&scratch.path("model")), weights(&scratch.path("run/model")));
    for (name, values) in &base {
        let chosen = name.starts_with("model.layers.1.") && name.contains("_proj");
        assert_eq!(values != &after[name], chosen, "{name}");
    }
    for file in ["eval.json", "eval-before.json", "report.html", "adapter/adapter_config.json"] {
        assert!(scratch.path("run").join(file).exists(), "{file}");
    }
}

#[test]
fn adapters_with_dropout_resume_to_the_same_bytes() {
    let scratch = Scratch::new();
    let line = format!("{LORA} --set train.lora.dropout=0.2 --set train.steps=40 --set train.save_seconds=0.0");
    done(&scratch, &format!("{line} --out whole"));
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_unlearn"));
    command.args(line.split_whitespace()).args(["--out", "killed"]).current_dir(scratch.path("."));
    let mut child = command.spawn().expect("starts");
    let state = scratch.path("killed/state/state.json");
    let began = std::time::Instant::now();
    while !state.exists() && child.try_wait().expect("a child").is_none() && began.elapsed().as_secs() < 60 {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    let _ = child.kill();
    child.wait().expect("ends");
    assert!(state.exists(), "it was not killed in the middle");
    done(&scratch, &format!("{line} --out killed --resume"));
    assert_eq!(digest(&scratch, "whole"), digest(&scratch, "killed"));
    let adapters =
        |run: &str| std::fs::read(scratch.path(run).join("adapter/adapter_model.safetensors")).expect("them");
    assert_eq!(adapters("whole"), adapters("killed"));
}

#[test]
fn what_does_not_fit_is_refused() {
    let scratch = Scratch::new();
    done(&scratch, &format!("{LORA} --out run"));
    let config = scratch.path("run/adapter/adapter_config.json");
    let said: Value = serde_json::from_str(&std::fs::read_to_string(&config).expect("a file")).expect("JSON");
    let with = |name: &str, field: &str, value: Value| {
        common::copy(&scratch.path("run/adapter"), &scratch.path(name));
        let mut changed = said.clone();
        changed[field] = value;
        scratch.write(&format!("{name}/adapter_config.json"), changed.to_string());
    };
    with("dora", "use_dora", true.into());
    with("ia3", "peft_type", "IA3".into());
    with("patterns", "rank_pattern", serde_json::json!({"q_proj": 4}));
    with("loop", "base_model_name_or_path", "run/adapter".into());
    with("gone", "base_model_name_or_path", "nowhere".into());
    with("other", "base_model_name_or_path", "plain".into());
    with("pickled", "r", 16.into());
    std::fs::rename(scratch.path("pickled/adapter_model.safetensors"), scratch.path("pickled/adapter_model.bin"))
        .expect("renames");
    scratch.refuse(&[
        ("train --model model --data forget.jsonl --out out --adapter loro", &["loro", "lora"]),
        (
            "train --model model --data forget.jsonl --out out --layers 9",
            &["`train.layers`", "no layer 9", "layers 0 to"],
        ),
        ("train --model model --data forget.jsonl --out out --layers 2-1", &["`layers`", "2-1"]),
        (
            "train --model model --data forget.jsonl --out out --max-memory 1MB",
            &["`train.max_memory`", "needs about", "lora"],
        ),
        ("train --model model --data forget.jsonl --out out --max-memory lots", &["lots", "4GB"]),
        (
            "train --model model --data forget.jsonl --out out --adapter lora --set train.lora.targets=[\"q_porj\"]",
            &["`train.lora.targets`", "`q_porj`", "did you mean `q_proj`?"],
        ),
        (
            "train --model model --data forget.jsonl --out out --adapter lora --set train.lora.rank=0",
            &["train.lora.rank"],
        ),
        (
            "train --model model --data forget.jsonl --out out --adapter lora --set train.parameters=[\"mlp\"]",
            &["train.parameters", "train.lora.targets"],
        ),
        ("convert model out --unmerge", &["--adapter"]),
        ("convert model out --adapter nowhere", &["`nowhere/adapter_config.json`"]),
        ("convert dora out", &["`dora/adapter_config.json`", "`use_dora`", "lacks"]),
        ("convert ia3 out", &["`peft_type`", "IA3", "LORA"]),
        ("convert patterns out", &["`rank_pattern`", "lacks"]),
        ("convert loop out", &["`loop`", "adapter folder itself"]),
        ("convert gone out", &["`nowhere`"]),
        ("convert other out", &["adapter_model.safetensors", "shape"]),
        ("convert pickled out", &["`pickled`", "pickles", "safe_serialization"]),
    ]);
}
