//! A scratch folder with a recipe for a tiny model, and commands in it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

/// A folder with `recipe.toml`; commands run in it.
pub struct Tiny(TempDir);

impl Tiny {
    /// Learning rates stay as they are, so that a shorter run is the beginning of a longer one.
    pub fn new() -> Self {
        let tiny = Self(tempfile::tempdir().expect("a scratch folder"));
        let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/golden/metrics");
        let golden = golden.canonicalize().expect("golden data");
        let golden = golden.display();
        let recipe = format!(
            "[model]\npath = '{golden}/model'\n\n[data]\nforget = ['{golden}/forget.jsonl']\n\
             retain = ['{golden}/retain.jsonl']\n\n[method]\nname = 'npo'\nretain = 'kl'\n\n\
             [train]\nsteps = 12\nbatch_size = 4\nmicro_tokens = 128\nlearning_rate = 1e-3\nwarmup = 0.0\n\
             schedule = 'constant'\n\n[eval]\nmax_new_tokens = 8\n"
        );
        fs::write(tiny.path("recipe.toml"), recipe).expect("a recipe");
        tiny
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A command, given as one line without quotes.
    pub fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_unlearn"));
        command.args(line.split_whitespace()).current_dir(self.0.path()).env_remove("RUST_BACKTRACE");
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs a command that has to end with a status.
    pub fn run(&self, line: &str, status: i32) -> Said {
        let output: Output = self.command(line).output().expect("the program starts");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let said = Said { out: text(&output.stdout), err: text(&output.stderr) };
        assert_eq!(output.status.code(), Some(status), "`{line}`: {}", said.err);
        said
    }

    /// An unlearning run with further assignments.
    pub fn unlearn(&self, out: &str, set: &[&str]) {
        self.run(&unlearning(out, set), 0);
    }

    pub fn json(&self, path: &str) -> Value {
        serde_json::from_slice(&fs::read(self.path(path)).expect(path)).expect("JSON")
    }

    /// The digest of a finished run's model.
    pub fn digest(&self, out: &str) -> String {
        let record = self.json(&format!("{out}/run.json"));
        assert_eq!(record["finished"], true, "{out}");
        record["outputs"]["model"].as_str().expect("a digest").to_owned()
    }

    /// The events of a kind.
    pub fn events(&self, out: &str, kind: &str) -> Vec<Value> {
        let text = fs::read_to_string(self.path(out).join("events.jsonl")).expect("events");
        let events = text.lines().map(|l| serde_json::from_str::<Value>(l).expect("a whole line"));
        events.filter(|e| e["event"] == kind).collect()
    }

    /// Every file with its content.
    pub fn tree(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        files(self.0.path())
    }

    /// Begins a command again and again and kills it at random points within `whole`.
    pub fn kill(&self, line: &str, times: usize, whole: Duration) {
        let mut state = u64::from(std::process::id()) | 1;
        for _ in 0..times {
            let mut child = self.command(line).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("starts");
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            std::thread::sleep(whole.mul_f64((state % 1000) as f64 / 1000.0 * 0.9));
            let _ = child.kill();
            child.wait().expect("ends");
        }
    }
}

/// What a command printed.
pub struct Said {
    pub out: String,
    pub err: String,
}

/// The line of an unlearning run.
pub fn unlearning(out: &str, set: &[&str]) -> String {
    let set: String = set.iter().map(|s| format!(" --set {s}")).collect();
    format!("run recipe.toml --quiet --out {out}{set}")
}

/// Every file under a folder with its content.
pub fn files(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(dir).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            all.extend(files(&path));
        } else {
            let content = fs::read(&path).expect("a file");
            all.insert(path, content);
        }
    }
    all
}
