//! The golden objectives from outside: folders, tokenised rows and flags, as a user would give them.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use unlearn::engine::checkpoint::{Entry, Precision, WeightFiles, write_tensors};

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/golden")
}

/// Writes the policy's or the reference's weights as a Hugging Face folder.
fn model(dir: &Path, prefix: &str) -> PathBuf {
    let tensors = WeightFiles::open_file(&golden().join("objectives/tensors.safetensors")).expect("golden tensors");
    let folder = dir.join(prefix);
    std::fs::create_dir(&folder).expect("a folder");
    std::fs::copy(golden().join("models/llama/config.json"), folder.join("config.json")).expect("copies");
    let names = tensors.names().filter_map(|n| n.strip_prefix(&format!("{prefix}.")));
    let entries: Vec<Entry<'_>> = names
        .map(|name| {
            let stored = tensors.read(&format!("{prefix}.{name}")).expect("reads").expect("is there");
            let (shape, precision) = (stored.shape, stored.precision);
            Entry {
                name: name.to_owned(),
                shape,
                precision,
                values: Box::new(move || stored.values.clone()),
                stored: None,
            }
        })
        .collect();
    write_tensors(&folder.join("model.safetensors"), &entries).expect("writes");
    folder
}

fn rows(dir: &Path, set: &str) -> PathBuf {
    let bytes = std::fs::read(golden().join("objectives/tensors.safetensors")).expect("golden tensors");
    let header = u64::from_le_bytes(bytes[..8].try_into().expect("8 bytes")) as usize;
    let index: Value = serde_json::from_slice(&bytes[8..8 + header]).expect("a header");
    let read = |field: &str| -> Vec<Vec<i64>> {
        let entry = &index[format!("{set}.{field}")];
        let at = |i: usize| 8 + header + entry["data_offsets"][i].as_u64().expect("an offset") as usize;
        let width = entry["shape"][1].as_u64().expect("a size") as usize;
        let all: Vec<i64> =
            bytes[at(0)..at(1)].chunks_exact(8).map(|b| i64::from_le_bytes(b.try_into().expect("8 bytes"))).collect();
        all.chunks(width).map(<[i64]>::to_vec).collect()
    };
    let (ids, labels, mask) = (read("input_ids"), read("labels"), read("attention_mask"));
    let lines: String = (0..ids.len())
        .map(|i| {
            let n = mask[i].iter().sum::<i64>() as usize;
            json!({"input_ids": ids[i][..n], "labels": labels[i][..n]}).to_string() + "\n"
        })
        .collect();
    let path = dir.join(format!("{set}.jsonl"));
    std::fs::write(&path, lines).expect("writes");
    path
}

#[test]
fn three_steps_write_the_golden_weights() {
    let dir = tempfile::tempdir().expect("temp dir");
    let (policy, reference) = (model(dir.path(), "model"), model(dir.path(), "reference"));
    let [forget, retain, alternate] = ["forget", "retain", "alternate"].map(|set| rows(dir.path(), set));
    let golden_tensors =
        WeightFiles::open_file(&golden().join("objectives/tensors.safetensors")).expect("golden tensors");
    let direction = golden_tensors.read("rmu.direction").expect("reads").expect("is there").values;
    let direction = format!("method.direction={direction:?}");
    let cases: &[(&str, &str, &[&str])] = &[
        ("grad_ascent", "grad-ascent", &[]),
        ("grad_diff_nll", "grad-diff", &[]),
        ("grad_diff_kl", "grad-diff", &["method.alpha=2.0", "method.retain=kl"]),
        ("npo", "npo", &[]),
        ("npo_kl", "npo", &["method.beta=0.5", "method.retain=kl"]),
        ("simnpo", "sim-npo", &[]),
        ("simnpo_delta", "sim-npo", &["method.beta=2.5", "method.delta=0.5", "method.gamma=1.0"]),
        ("dpo", "dpo", &[]),
        ("wga", "wga", &[]),
        ("satimp", "sat-imp", &[]),
        ("satimp_soft", "sat-imp", &["method.beta1=0.5", "method.gamma=1.0"]),
        ("undial", "undial", &[]),
        ("undial_retain", "undial", &["method.beta=3.0", "method.alpha=1.0"]),
        ("ceu", "ce-u", &[]),
        ("pdu", "pdu", &["method.dual_warmup=0"]),
        ("rmu", "rmu", &["method.layer=1", "method.steering_coeff=2.0", "method.alpha=1.0", &direction]),
    ];
    for (case, method, own) in cases {
        let out = dir.path().join(case);
        let mut command = Command::new(env!("CARGO_BIN_EXE_unlearn"));
        command.args(["run", "--quiet", "--method", method, "--model"]).arg(&policy);
        command.arg("--reference").arg(&reference).arg("--out").arg(&out);
        command.arg("--forget").arg(&forget).arg("--retain").arg(&retain).arg("--alternate").arg(&alternate);
        let train = ["shuffle=false", "steps=3", "batch_size=8", "learning_rate=1e-3", "warmup=0", "schedule=constant"];
        let train = train.iter().chain(&["clip=none", "weight_decay=0.01", "beta1=0.9", "beta2=0.999", "eps=1e-8"]);
        for field in train {
            command.args(["--set", &format!("train.{field}")]);
        }
        for assignment in *own {
            command.args(["--set", assignment]);
        }
        let done = command.output().expect("starts");
        assert!(done.status.success(), "{case}: {}", String::from_utf8_lossy(&done.stderr));
        let name = "model.layers.1.mlp.down_proj.weight";
        let written = WeightFiles::open(&out.join("model")).expect("a checkpoint");
        let ours = written.read(name).expect("reads").expect("is there");
        assert_eq!(ours.precision, Precision::F32);
        let theirs = golden_tensors.read(&format!("{case}.after3.{name}")).expect("reads").expect("is there");
        let worst = ours.values.iter().zip(&theirs.values).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(worst < 1e-5, "{case}: a weight differs by {worst}");
    }
}
