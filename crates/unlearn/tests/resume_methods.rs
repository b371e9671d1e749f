//! Interrupted runs of methods that keep more than weights, or have several parts, go on to the same bytes.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use serde_json::Value;

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/golden/metrics")
}

fn run(out: &Path, method: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_unlearn"));
    command.args(["run", "--quiet", "--resume", "--out"]).arg(out);
    command.arg("--model").arg(golden().join("model"));
    command.arg("--forget").arg(golden().join("forget.jsonl")).arg("--retain").arg(golden().join("retain.jsonl"));
    let set = ["train.steps=12", "train.batch_size=4", "train.save_seconds=0.0", "train.learning_rate=1e-4"];
    for assignment in set.iter().chain(&["eval.max_new_tokens=8"]).chain(method) {
        command.args(["--set", assignment]);
    }
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

fn finish(out: &Path, method: &[&str]) {
    let done = run(out, method).output().expect("starts");
    assert!(done.status.success(), "{method:?}: {}", String::from_utf8_lossy(&done.stderr));
}

fn digest(out: &Path) -> String {
    let text = std::fs::read_to_string(out.join("run.json")).expect("run.json");
    let record: Value = serde_json::from_str(&text).expect("JSON");
    record["outputs"]["model"].as_str().expect("a digest").to_owned()
}

/// Numbers of the steps in `events.jsonl`.
fn steps(out: &Path) -> Vec<u64> {
    let text = std::fs::read_to_string(out.join("events.jsonl")).expect("events");
    let events = text.lines().map(|l| serde_json::from_str::<Value>(l).expect("a whole line"));
    events.filter(|e| e["event"] == "step").map(|e| e["step"].as_u64().expect("a number")).collect()
}

#[test]
fn killed_anywhere_they_end_in_the_same_bytes() {
    let dir = tempfile::tempdir().expect("temp dir");
    let methods: [&[&str]; 7] = [
        // A weight that follows the retain loss.
        &["method.name=pdu", "method.dual_warmup=0"],
        // Answers that the model is asked for first.
        &["method.name=alt-po", "method.prompt={question}", "method.alternates=2", "method.max_new_tokens=8"],
        // States at layers, kept on disk.
        &["method.name=circuit-breaker"],
        &["method.name=task-vector"],
        &["method.name=whp", "method.reinforce_learning_rate=1e-3", "method.retain=kl"],
        &["method.name=cir", "method.max_epochs=3", "method.loss_budget=100.0"],
        &["method.name=rep-select", "method.rank=4"],
    ];
    let mut state = u64::from(std::process::id()) | 1;
    for (i, method) in methods.into_iter().enumerate() {
        let (whole, killed) = (dir.path().join(format!("whole-{i}")), dir.path().join(format!("killed-{i}")));
        let began = Instant::now();
        finish(&whole, method);
        let duration = began.elapsed();
        for _ in 0..4 {
            let mut child = run(&killed, method).spawn().expect("starts");
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            std::thread::sleep(duration.mul_f64((state % 1000) as f64 / 1000.0 * 0.9));
            let _ = child.kill();
            child.wait().expect("ends");
        }
        finish(&killed, method);
        assert_eq!(digest(&whole), digest(&killed), "{method:?}");
        assert_eq!(steps(&whole), steps(&killed), "{method:?}");
        let alternates = |run: &Path| std::fs::read(run.join("alternates.jsonl")).ok();
        assert_eq!(alternates(&whole), alternates(&killed), "{method:?}");
    }
}
