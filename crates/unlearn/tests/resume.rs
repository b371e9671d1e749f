//! Interrupted runs go on to the same bytes.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/golden/metrics")
}

/// An unlearning run of some seconds, that saves its state after every step.
fn run(out: &Path, more: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_unlearn"));
    command.args(["run", "--method", "npo", "--quiet", "--resume", "--out"]).arg(out);
    command.arg("--model").arg(golden().join("model"));
    command.arg("--forget").arg(golden().join("forget.jsonl")).arg("--retain").arg(golden().join("retain.jsonl"));
    let set = ["train.steps=30", "train.batch_size=4", "train.save_seconds=0.0", "train.micro_tokens=128"];
    let set = set.into_iter().chain(["method.retain=kl", "train.learning_rate=1e-4", "eval.max_new_tokens=8"]);
    for assignment in set {
        command.args(["--set", assignment]);
    }
    command.args(more).stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

fn finish(out: &Path, more: &[&str]) {
    let done = run(out, more).output().expect("starts");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

fn record(out: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(out.join("run.json")).expect("run.json")).expect("JSON")
}

fn digest(out: &Path) -> String {
    let record = record(out);
    assert_eq!(record["finished"], true);
    record["outputs"]["model"].as_str().expect("a digest").to_owned()
}

/// Steps in `events.jsonl`, which must be all of them, once and in order.
fn steps(out: &Path) -> Vec<u64> {
    let text = std::fs::read_to_string(out.join("events.jsonl")).expect("events");
    let events = text.lines().map(|l| serde_json::from_str::<Value>(l).expect("a whole line"));
    events.filter(|e| e["event"] == "step").map(|e| e["step"].as_u64().expect("a number")).collect()
}

fn wait_for(child: &mut Child, path: &Path) {
    let began = Instant::now();
    while !path.exists() && began.elapsed() < Duration::from_secs(60) {
        assert!(child.try_wait().expect("a child").is_none(), "it ended before it wrote {}", path.display());
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Waits until a step has been taken: from then on there is something to save.
fn wait_for_step(child: &mut Child, events: &Path) {
    let before = steps_in(events);
    let began = Instant::now();
    while steps_in(events) == before && began.elapsed() < Duration::from_secs(60) {
        assert!(child.try_wait().expect("a child").is_none(), "it ended before it took a step");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn steps_in(events: &Path) -> usize {
    std::fs::read_to_string(events).unwrap_or_default().matches("\"event\":\"step\"").count()
}

#[test]
fn moments_in_8_bits_are_gone_on_with() {
    let dir = tempfile::tempdir().expect("temp dir");
    let bits = ["--set", "train.optimizer_bits=8"];
    let [whole, killed, plain] = ["whole", "killed", "plain"].map(|name| dir.path().join(name));
    finish(&whole, &bits);
    let mut child = run(&killed, &bits).spawn().expect("starts");
    wait_for(&mut child, &killed.join("events.jsonl"));
    wait_for_step(&mut child, &killed.join("events.jsonl"));
    let _ = child.kill();
    child.wait().expect("ends");
    finish(&killed, &bits);
    finish(&plain, &[]);
    assert_eq!(digest(&killed), digest(&whole));
    assert_ne!(digest(&plain), digest(&whole), "nothing was kept in 8 bits");
}

#[test]
fn killed_ten_times_it_ends_in_the_same_bytes() {
    let dir = tempfile::tempdir().expect("temp dir");
    let whole = dir.path().join("whole");
    let began = Instant::now();
    finish(&whole, &[]);
    let duration = began.elapsed();
    let killed = dir.path().join("killed");
    // Random points over the whole run: loading, examining, training, saving.
    let mut state = u64::from(std::process::id()) | 1;
    for _ in 0..10 {
        let mut child = run(&killed, &[]).spawn().expect("starts");
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        std::thread::sleep(duration.mul_f64((state % 1000) as f64 / 1000.0 * 0.9));
        let _ = child.kill();
        child.wait().expect("ends");
    }
    finish(&killed, &[]);
    assert_eq!(digest(&whole), digest(&killed));
    assert_eq!(steps(&killed), (1..=30).collect::<Vec<_>>());
    let scores = |p: &Path| {
        let text = std::fs::read_to_string(p.join("eval.json")).expect("scores");
        serde_json::from_str::<Value>(&text).expect("JSON")["metrics"].clone()
    };
    assert_eq!(scores(&whole), scores(&killed));
    assert!(!killed.join("state").exists(), "a finished run keeps no state");
    // A finished run is left alone.
    let before = std::fs::read(killed.join("run.json")).expect("run.json");
    finish(&killed, &[]);
    assert_eq!(before, std::fs::read(killed.join("run.json")).expect("run.json"));
}

#[cfg(unix)]
#[test]
fn a_signal_saves_and_exits_with_130() {
    let dir = tempfile::tempdir().expect("temp dir");
    let (whole, stopped) = (dir.path().join("whole"), dir.path().join("stopped"));
    let long = ["--set", "train.steps=400", "--set", "train.save_seconds=1e9"];
    finish(&whole, &long);
    for signal in ["INT", "TERM"] {
        let mut child = run(&stopped, &long).spawn().expect("starts");
        wait_for_step(&mut child, &stopped.join("events.jsonl"));
        let sent = Command::new("kill").args(["-s", signal, &child.id().to_string()]).status().expect("kill");
        assert!(sent.success());
        let output = child.wait_with_output().expect("ends");
        let talk = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(130), "{signal}: {talk}");
        assert!(talk.contains("hint: run the same command with `--resume`"), "{talk}");
        assert!(stopped.join("state/state.json").exists());
    }
    finish(&stopped, &long);
    assert_eq!(digest(&whole), digest(&stopped));
}

#[test]
fn one_thread_and_two_end_in_the_same_bytes() {
    let dir = tempfile::tempdir().expect("temp dir");
    let (one, two) = (dir.path().join("one"), dir.path().join("two"));
    finish(&one, &["--threads", "1"]);
    finish(&two, &["--threads", "2"]);
    assert_eq!(digest(&one), digest(&two));
    assert_ne!(digest(&one), record(&one)["inputs"]["model"].as_str().expect("a digest"));
}

#[test]
fn layered_forgetting_goes_on_to_the_same_bytes_with_what_else_a_step_keeps() {
    let dir = tempfile::tempdir().expect("temp dir");
    let (whole, killed) = (dir.path().join("whole"), dir.path().join("killed"));
    let sets = ["folds=3", "optimizer=sophia", "sophia.every=3", "smooth.kind=sam", "average.kind=ema", "steps=9"];
    let more: Vec<String> = sets.iter().flat_map(|set| ["--set".to_owned(), format!("train.{set}")]).collect();
    let more: Vec<&str> = more.iter().map(String::as_str).collect();
    finish(&whole, &more);
    let mut child = run(&killed, &more).spawn().expect("starts");
    wait_for(&mut child, &killed.join("state/state.json"));
    let _ = child.kill();
    child.wait().expect("ends");
    finish(&killed, &[&more[..], &["--threads", "1"]].concat());
    assert_eq!(digest(&whole), digest(&killed));
    assert_eq!(steps(&killed), (1..=9).collect::<Vec<_>>());
    let refused = run(&dir.path().join("refused"), &["--set", "train.folds=1000"]).output().expect("starts");
    let talk = String::from_utf8_lossy(&refused.stderr);
    assert!(refused.status.code() == Some(2) && talk.contains("`train.folds = 1000` is not possible"), "{talk}");
}
