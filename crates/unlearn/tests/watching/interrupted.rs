//! Killed at any point, a watched run and a sweep end as if they had not been.

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::tiny::{Tiny, unlearning};

fn scores(tiny: &Tiny, out: &str) -> Value {
    tiny.json(&format!("{out}/eval.json"))["metrics"].clone()
}

#[test]
fn a_watched_run_killed_ten_times_ends_the_same() {
    let tiny = Tiny::new();
    for (name, more) in [
        ("best", &["watch.patience=3", "watch.retain_within=0.3", "watch.disruption=5"][..]),
        ("budget", &["watch.disruption=0.4"]),
    ] {
        let set = ["watch.every=2", "watch.keep=best", "train.save_seconds=0", "train.steps=30"];
        let set = [&set[..], &["train.learning_rate=5e-4"], more].concat();
        let (whole, killed) = (format!("{name}-whole"), format!("{name}-killed"));
        let began = Instant::now();
        tiny.unlearn(&whole, &set);
        let line = format!("{} --resume", unlearning(&killed, &set));
        tiny.kill(&line, 10, began.elapsed());
        tiny.run(&line, 0);
        assert_eq!(tiny.digest(&whole), tiny.digest(&killed), "{name}");
        assert_eq!(scores(&tiny, &whole), scores(&tiny, &killed), "{name}");
        for kind in ["watch", "stopped", "kept"] {
            assert_eq!(tiny.events(&whole, kind), tiny.events(&killed, kind), "{name}");
        }
        assert_eq!(tiny.events(&whole, "stopped").len(), 1, "{name}: {:?}", tiny.events(&whole, "watch"));
        assert_eq!(tiny.json(&format!("{whole}/run.json"))["kept"], tiny.json(&format!("{killed}/run.json"))["kept"]);
        assert!(!tiny.path(&killed).join("state").exists());
    }
}

fn sweep(out: &str) -> String {
    let grid = "--grid train.learning_rate=1e-3,1e6,1e-4 --grid method.beta=0.1,0.5";
    format!("sweep recipe.toml --quiet --resume --out {out} {grid} --set train.save_seconds=0 --set watch.every=3")
}

fn same(tiny: &Tiny, whole: &str, other: &str) {
    let results = tiny.json(&format!("{whole}/sweep.json"));
    for run in results["runs"].as_array().expect("runs").iter().filter(|r| r["status"] == "finished") {
        let name = run["name"].as_str().expect("a name");
        let (a, b) = (format!("{whole}/{name}"), format!("{other}/{name}"));
        assert_eq!(tiny.digest(&a), tiny.digest(&b), "{name}");
        assert_eq!(scores(tiny, &a), scores(tiny, &b), "{name}");
        assert_eq!(tiny.events(&a, "watch"), tiny.events(&b, "watch"), "{name}");
    }
    let without_times = |out: &str| {
        let mut results = tiny.json(&format!("{out}/sweep.json"));
        for run in results["runs"].as_array_mut().expect("runs") {
            run["seconds"] = Value::Null;
        }
        results
    };
    assert_eq!(without_times(whole), without_times(other));
}

#[test]
fn a_sweep_killed_eight_times_ends_the_same() {
    let tiny = Tiny::new();
    let began = Instant::now();
    tiny.run(&sweep("whole"), 1);
    tiny.kill(&sweep("killed"), 8, began.elapsed().mul_f64(0.6));
    tiny.run(&sweep("killed"), 1);
    same(&tiny, "whole", "killed");
}

#[cfg(unix)]
#[test]
fn a_signal_ends_a_sweep_with_130() {
    let tiny = Tiny::new();
    tiny.run(&sweep("whole"), 1);
    for after in [300, 900] {
        let child = tiny.command(&sweep("stopped")).spawn().expect("starts");
        let began = Instant::now();
        while !tiny.path("stopped/sweep.json").exists() && began.elapsed() < Duration::from_secs(60) {
            std::thread::sleep(Duration::from_millis(2));
        }
        std::thread::sleep(Duration::from_millis(after));
        let sent = Command::new("kill").args(["-s", "INT", &child.id().to_string()]).status().expect("kill");
        assert!(sent.success());
        let output = child.wait_with_output().expect("ends");
        // Before there is anything to lose, the signal itself ends it: to a shell that is 130 as well.
        let signal = std::os::unix::process::ExitStatusExt::signal(&output.status);
        let ended = output.status.code().or(signal.map(|signal| 128 + signal));
        assert_eq!(ended, Some(130), "{}", String::from_utf8_lossy(&output.stderr));
    }
    tiny.run(&sweep("stopped"), 1);
    same(&tiny, "whole", "stopped");
}
