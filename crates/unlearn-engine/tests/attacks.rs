//! The malicious files of `testdata/attacks/`: each has a row in the table of its README.md, and what becomes of it is
//! what stands there. None takes long, none makes a program ask for much memory at once, none makes it panic.

#[path = "common/allocations.rs"]
mod allocations;

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use unlearn_data::{ChatTemplate, Message, Tokenizer};
use unlearn_engine::{LanguageModel, device};

#[global_allocator]
static ALLOCATOR: allocations::Counting = allocations::Counting;

type Outcome = Result<(), Box<dyn Error>>;

/// How the files of one folder are read.
struct Kind {
    folder: &'static str,
    /// What a file is called where it is read.
    name: &'static str,
    /// Bytes that a single request may have beyond four times the file's: see `fuzz/README.md`.
    allowance: usize,
    read: fn(&Path) -> Outcome,
}

const KINDS: [Kind; 6] = [
    Kind { folder: "safetensors", name: "model.safetensors", allowance: 512 << 10, read: model },
    Kind { folder: "index", name: "model.safetensors.index.json", allowance: 64 << 10, read: model },
    Kind { folder: "config", name: "config.json", allowance: 4 << 20, read: model },
    Kind { folder: "gguf", name: "model.gguf", allowance: 4 << 20, read: gguf },
    Kind { folder: "chat_template", name: "chat_template.jinja", allowance: 16 << 20, read: chat_template },
    Kind { folder: "tokenizer", name: "tokenizer.json", allowance: 4 << 20, read: tokenizer },
];

fn testdata(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/attacks").join(path)
}

fn model(dir: &Path) -> Outcome {
    Ok(LanguageModel::read(dir, &device::by_name("cpu")?).map(drop)?)
}

fn gguf(dir: &Path) -> Outcome {
    Ok(LanguageModel::read(&dir.join("model.gguf"), &device::by_name("cpu")?).map(drop)?)
}

fn chat_template(dir: &Path) -> Outcome {
    let template = ChatTemplate::of_folder(dir)?.ok_or("no template")?;
    let messages = [Message::new("user", "Who?"), Message::new("assistant", "I."), Message::new("user", "Why?")];
    Ok(template.render(&messages, true).map(drop)?)
}

fn tokenizer(dir: &Path) -> Outcome {
    let tokenizer = Tokenizer::of_folder(dir)?.ok_or("no tokenizer")?;
    let text = format!("{}! 12 ab <|end|> é", "a".repeat(40));
    Ok(tokenizer.decode(&tokenizer.encode(&text, true)?).map(drop)?)
}

/// A row of the table: `refused` with a reason, or `accepted`.
struct Row {
    reason: Option<String>,
    /// Nothing but the clock stops it.
    by_the_clock: bool,
}

fn table() -> BTreeMap<String, Row> {
    let text = fs::read_to_string(testdata("README.md")).expect("the table");
    let row = |line: &str| {
        let cells: Vec<&str> = line.strip_prefix('|')?.split(" | ").map(str::trim).collect();
        let (name, outcome) = (cells.first()?.trim_matches('`'), cells.get(2)?.trim_end_matches('|').trim());
        let reason = match outcome.strip_prefix("refused: ") {
            Some(quoted) if quoted.starts_with("``") => Some(quoted.trim_matches('`').trim().to_owned()),
            Some(quoted) => Some(quoted.trim_matches('`').to_owned()),
            None => outcome.starts_with("accepted").then_some(None)?,
        };
        Some((name.to_owned(), Row { reason, by_the_clock: cells.get(1)?.contains("stopped by the clock") }))
    };
    text.lines().filter_map(row).collect()
}

/// A folder with a valid checkpoint, in which one file is the attack.
fn folder(kind: &Kind, attack: &[u8]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    let weights = fs::read(testdata("safetensors/good.safetensors")).expect("valid weights");
    let put = |name: &str, content: &[u8]| fs::write(dir.path().join(name), content).expect("a file");
    put("config.json", &fs::read(testdata("config/good.json")).expect("a valid configuration"));
    if kind.folder == "index" {
        put("a.safetensors", &weights);
        put("b.safetensors", &weights[..weights.len() - 1]);
    } else {
        put("model.safetensors", &weights);
    }
    put(kind.name, attack);
    dir
}

fn whole_message(error: &dyn Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {}", whole_message(cause)),
        None => error.to_string(),
    }
}

/// What is wrong with what became of one file; `None` when all is as its row says.
fn fault(kind: &Kind, file: &Path, row: Option<&Row>) -> Option<String> {
    let attack = fs::read(file).expect("the attack");
    let dir = folder(kind, &attack);
    let start = Instant::now();
    let (outcome, largest) = allocations::largest(|| {
        std::panic::catch_unwind(|| (kind.read)(dir.path()).map_err(|e| whole_message(e.as_ref())))
    });
    let took = start.elapsed();
    let Ok(outcome) = outcome else { return Some("panicked".to_owned()) };
    let Some(row) = row else { return Some(format!("has no row in the table: {outcome:?}")) };
    let limit = Duration::from_secs(if row.by_the_clock { 10 } else { 2 });
    let allowed = if row.by_the_clock { 256 << 20 } else { 4 * attack.len() + kind.allowance };
    let what = match (&outcome, &row.reason) {
        (Ok(()), None) => None,
        (Ok(()), Some(reason)) => Some(format!("accepted, not refused with `{reason}`")),
        (Err(message), None) => Some(format!("refused: {message}")),
        (Err(message), Some(reason)) if !message.contains(reason) => Some(format!("without `{reason}`: {message}")),
        (Err(message), _) => {
            let named = message.contains(&dir.path().display().to_string());
            (!named).then(|| format!("names no path: {message}"))
        }
    };
    what.or((took > limit).then(|| format!("took {took:?}")))
        .or((largest > allowed).then(|| format!("asked for {largest} bytes at once, and {allowed} are allowed")))
}

#[test]
fn every_attack_ends_as_its_row_says() {
    let (mut rows, mut faults, mut seen) = (table(), Vec::new(), 0);
    // What is told of a panic that the reader catches would count as its memory.
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| ()));
    // Threads and their tables are made once, by whoever comes first.
    for kind in &KINDS {
        let good = fs::read_dir(testdata(kind.folder)).expect("a folder").flatten().map(|entry| entry.path());
        for file in good.filter(|path| path.file_stem().is_some_and(|stem| stem == "good")) {
            let _ = (kind.read)(folder(kind, &fs::read(file).expect("a valid file")).path());
        }
    }
    for kind in &KINDS {
        let entries = fs::read_dir(testdata(kind.folder)).expect("a folder of attacks");
        let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        files.sort();
        for file in files {
            let name = format!("{}/{}", kind.folder, file.file_name().expect("a name").to_string_lossy());
            faults.extend(fault(kind, &file, rows.remove(&name).as_ref()).map(|what| format!("{name} {what}")));
            seen += 1;
        }
    }
    std::panic::set_hook(hook);
    faults.extend(rows.keys().map(|name| format!("{name} is in the table and not in the folder")));
    assert!(faults.is_empty() && seen > 200, "{} of {seen}:\n{}", faults.len(), faults.join("\n"));
}
