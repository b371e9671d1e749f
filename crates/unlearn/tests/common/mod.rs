//! A scratch folder with small models and data, and commands that have to be refused in it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// A folder with `model` (tokenizer, chat template, 256 positions), `plain` (no tokenizer, 96 tokens), and the data
/// files `forget.jsonl`, `retain.jsonl` and `tokens.jsonl`. Commands run in it, and their paths are shown from there on.
pub struct Scratch(TempDir);

impl Scratch {
    pub fn new() -> Self {
        let scratch = Self(tempfile::tempdir().expect("a scratch folder"));
        let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/golden");
        copy(&golden.join("metrics/model"), &scratch.path("model"));
        copy(&golden.join("models/llama"), &scratch.path("plain"));
        for name in ["forget.jsonl", "retain.jsonl"] {
            scratch.write(name, fs::read(golden.join("metrics").join(name)).expect("golden data"));
        }
        let row = |id: u32| format!("{{\"input_ids\": [1, {id}, 7, 2], \"labels\": [-100, {id}, 7, 2]}}\n");
        scratch.write("tokens.jsonl", (3..9).map(row).collect::<String>());
        scratch
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).expect("the scratch folder can be written");
    }

    /// Runs a command, given as one line without quotes.
    pub fn run(&self, line: &str) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_unlearn"));
        command.args(line.split_whitespace()).current_dir(self.0.path());
        command.env_remove("RUST_BACKTRACE").env("RAYON_NUM_THREADS", "2").output().expect("the program starts")
    }

    /// What is wrong with the way in which a command is refused: it has to leave everything as it was, and to say
    /// all of `expected`.
    pub fn fault(&self, line: &str, expected: &[&str]) -> Option<String> {
        let before = tree(self.0.path());
        let output = self.run(line);
        let here = format!("{}/", self.0.path().canonicalize().expect("the scratch folder").display());
        let said = String::from_utf8_lossy(&output.stderr).replace(&here, "");
        let first = said.strip_prefix("error: ").and_then(|s| s.chars().next());
        let silent: Vec<_> = expected.iter().filter(|e| !said.contains(**e)).collect();
        let fault = if output.status.code() != Some(2) {
            // What it should not have written must not get in the way of the next command.
            let _ = fs::remove_dir_all(self.path("out"));
            format!("status {:?}, not 2", output.status.code())
        } else if !output.stdout.is_empty() {
            "something on stdout".to_owned()
        } else if first.is_none_or(char::is_uppercase) {
            "does not begin with `error: ` in lower case".to_owned()
        } else if said.contains("the program failed") {
            "a panic".to_owned()
        } else if !silent.is_empty() {
            format!("does not say {silent:?}")
        } else if tree(self.0.path()) != before {
            "files have changed".to_owned()
        } else {
            return None;
        };
        Some(format!("`{line}`: {fault}\n{}", said.trim_end()))
    }

    /// Refuses each of these commands.
    pub fn refuse(&self, cases: &[(&str, &[&str])]) {
        none(cases.iter().filter_map(|(line, expected)| self.fault(line, expected)));
    }
}

/// Fails with all faults at once.
pub fn none(faults: impl IntoIterator<Item = String>) {
    let faults: Vec<String> = faults.into_iter().collect();
    assert!(faults.is_empty(), "{} faults\n\n{}\n", faults.len(), faults.join("\n\n"));
}

/// Every file under a folder with its content, every folder without.
pub fn tree(dir: &Path) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(dir).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            all.extend(tree(&path));
            all.insert(path, None);
        } else {
            let content = fs::read(&path).expect("a file");
            all.insert(path, Some(content));
        }
    }
    all
}

/// Copies a folder of files, in the place of an earlier copy.
pub fn copy(from: &Path, to: &Path) {
    let _ = fs::remove_dir_all(to);
    fs::create_dir_all(to).expect("a new folder");
    for entry in fs::read_dir(from).expect("a folder to copy") {
        let path = entry.expect("an entry").path();
        if path.file_name().is_some_and(|n| n != "golden.safetensors") {
            fs::copy(&path, to.join(path.file_name().expect("a name"))).expect("a copy");
        }
    }
}
