//! `unlearn pull` from outside, against a server on this machine.

#[path = "../../unlearn-hub/tests/server/mod.rs"]
mod server;

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use server::{COMMIT, Reply, Seen, Server, model, noise, ranged, whole};
use tempfile::TempDir;

const SIZE: usize = 400_000;

/// A command with this server and this home, and nothing else of the Hub's variables.
fn unlearn(server: &Server, home: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_unlearn"));
    command.args(args).current_dir(home);
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy().to_uppercase();
        if text.starts_with("HF_")
            || text.starts_with("HUGGING")
            || text.ends_with("_PROXY")
            || text.contains("OFFLINE")
        {
            command.env_remove(name);
        }
    }
    command.env_remove("RUST_BACKTRACE").env("HF_ENDPOINT", &server.address).env("HF_HOME", home);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The weights drop by drop: some seconds for all of it.
fn slow(seen: &Seen) -> Option<Reply> {
    let mut reply = ranged(&noise(SIZE), seen.from);
    reply.drip = Some((10_000, Duration::from_millis(if seen.nth == 0 { 100 } else { 0 })));
    seen.gets("/cdn/model.safetensors").then_some(reply)
}

fn ok(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    text(&output.stdout)
}

#[test]
fn stdout_is_the_folder_and_stderr_the_talk() {
    let (home, files) = (TempDir::new().expect("a folder"), model(SIZE));
    let server = Server::new(&files, |_| None);
    let run = |args: &[&str]| unlearn(&server, home.path(), args).output().expect("starts");
    let first = run(&["pull", "owner/model"]);
    let folder = ok(&first);
    let expected = home.path().join("hub/models--owner--model/snapshots").join(COMMIT);
    assert_eq!(folder.trim_end(), expected.display().to_string());
    assert!(text(&first.stderr).starts_with("3 files fetched, 400.0 kB in "), "{}", text(&first.stderr));
    let again = run(&["pull", "owner/model", "--json", "--quiet"]);
    assert!(again.stderr.is_empty(), "{}", text(&again.stderr));
    let facts: serde_json::Value = serde_json::from_str(&ok(&again)).expect("JSON");
    assert_eq!((&facts["commit"], &facts["path"]), (&COMMIT.into(), &folder.trim_end().into()));
    assert_eq!(facts["files"][1], serde_json::json!({"name": "model.safetensors", "bytes": SIZE, "cached": true}));
    // Another cache, a commit, and one file.
    let one = run(&["pull", "owner/model", "--cache", "here", "--revision", COMMIT, "--file", "con*.json"]);
    assert!(ok(&one).contains("/here/models--owner--model/snapshots/"));
    assert_eq!(whole(&home.path().join("here"), &files), ["config.json"]);
    assert!(!home.path().join("here/models--owner--model/refs").exists());
    // What is in the cache is found offline, and hinted at where its name stands for a path.
    let offline = unlearn(&server, home.path(), &["pull", "owner/model"]).env("HF_HUB_OFFLINE", "1").output();
    assert_eq!(ok(&offline.expect("starts")), folder);
    let hinted = text(&run(&["inspect", "owner/model"]).stderr);
    assert!(hinted.starts_with("error: `owner/model` is not a checkpoint"), "{hinted}");
    assert!(hinted.contains("hint: `unlearn pull owner/model` prints the folder"), "{hinted}");
    assert!(!text(&run(&["inspect", "owner/other"]).stderr).contains("unlearn pull"));
}

#[test]
fn errors_have_the_form_of_all_errors() {
    let home = TempDir::new().expect("a folder");
    let mut gguf = model(10);
    gguf.remove("model.safetensors");
    gguf.insert("m-q4.gguf".into(), noise(10));
    let server = Server::new(&gguf, |seen| seen.path.starts_with("/api/models/not/").then(|| Reply::new(404, "")));
    let cases: [(&[&str], &[&str]); 5] = [
        (&["gpt2"], &["error: `gpt2` is not the name of a repository: it has no owner\nhint: give `OWNER/NAME`"]),
        (&["not/there"], &["error: there is no repository `not/there`", "/api/models/not/there", "hint: check the sp"]),
        (
            &["owner/model"],
            &["has no safetensors, but GGUF files: `m-q4.gguf`", "hint: choose one, for example `--file"],
        ),
        (&["owner/model", "--file", "*.bin"], &["error: `owner/model` has no file that matches `*.bin`\nhint: "]),
        (&["owner/model", "--revision", "../x"], &["error: `../x` is not the name of a revision\nhint: "]),
    ];
    for (args, expected) in cases {
        let output = unlearn(&server, home.path(), &[&["pull"], args].concat()).output().expect("starts");
        let said = text(&output.stderr);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{said}");
        assert!(said.starts_with("error: ") && expected.iter().all(|e| said.contains(e)), "{said}");
    }
    let one = unlearn(&server, home.path(), &["pull", "owner/model", "--file", "m-q4.gguf"]).output();
    ok(&one.expect("starts"));
}

#[cfg(unix)]
#[test]
fn a_signal_ends_with_130_and_the_next_pull_goes_on() {
    for signal in ["INT", "TERM"] {
        let (home, files) = (TempDir::new().expect("a folder"), model(SIZE));
        let server = Server::new(&files, slow);
        let child = unlearn(&server, home.path(), &["pull", "owner/model"]).spawn().expect("starts");
        let blobs = home.path().join("hub/models--owner--model/blobs");
        let length = || {
            let entries = fs::read_dir(&blobs).into_iter().flatten().flatten();
            let partial = entries.filter(|e| e.path().extension().is_some_and(|x| x == "incomplete"));
            partial.map(|e| e.metadata().map_or(0, |m| m.len())).max().unwrap_or(0)
        };
        let began = Instant::now();
        while length() < 50_000 && began.elapsed() < Duration::from_secs(20) {
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(Command::new("kill").args(["-s", signal, &child.id().to_string()]).status().expect("kill").success());
        let output = child.wait_with_output().expect("ends");
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(130), "{signal}: {said}");
        assert_eq!(said.lines().next(), Some("error: interrupted; what has arrived is kept"));
        assert!(said.contains("hint: run the same command again"), "{said}");
        let arrived = length();
        assert!((50_000..SIZE as u64).contains(&arrived), "{arrived}");
        let names = whole(&home.path().join("hub"), &files);
        assert!(!names.contains(&"model.safetensors".to_owned()), "{names:?}");
        ok(&unlearn(&server, home.path(), &["pull", "owner/model"]).output().expect("starts"));
        assert_eq!(whole(&home.path().join("hub"), &files).len(), 3);
        let ranges = server.log().into_iter().filter(|s| s.gets("/cdn/model.safetensors")).map(|s| s.from);
        assert_eq!(ranges.collect::<Vec<_>>(), [None, Some(arrived as usize)]);
    }
}

#[test]
fn two_programs_at_once_fetch_each_file_once() {
    let (home, files) = (TempDir::new().expect("a folder"), model(SIZE));
    let server =
        Server::new(&files, |seen| slow(seen).map(|r| Reply { drip: Some((20_000, Duration::from_millis(20))), ..r }));
    let start = || unlearn(&server, home.path(), &["pull", "owner/model"]).spawn().expect("starts");
    let (one, two) = (start(), start());
    let folder = ok(&one.wait_with_output().expect("ends"));
    assert_eq!(ok(&two.wait_with_output().expect("ends")), folder);
    assert_eq!(whole(&home.path().join("hub"), &files).len(), 3);
    assert_eq!(server.log().iter().filter(|s| s.gets("/cdn/model.safetensors")).count(), 1);
}
