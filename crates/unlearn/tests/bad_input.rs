//! Input that cannot be used: every command refuses it by name, with status 2, and leaves everything as it was.

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::{Scratch, none, tree};

const NPO: &str = "run --model model --method npo --forget forget.jsonl --retain retain.jsonl --out out";

/// Reads a data file with two commands, one that writes a run folder and one that does not.
fn refuse_data(model: &str, cases: &[(&str, &str, &[&str])]) {
    let scratch = Scratch::new();
    none(cases.iter().flat_map(|(name, content, expected)| {
        scratch.write(name, content);
        let expected = [&[*name], *expected].concat();
        [format!("score --model {model} --input {name}"), format!("train --model {model} --data {name} --out out")]
            .into_iter()
            .filter_map(|line| scratch.fault(&line, &expected))
            .collect::<Vec<_>>()
    }));
}

#[test]
fn data_files_that_cannot_be_used() {
    let good = r#"{"question": "Who?", "answer": "Mira."}"#;
    let long = format!("{good}\n{{\"text\": \"{}\"}}", "word ".repeat(400));
    let lines = |second: &str| format!("{good}\n\n{second}\n");
    let array = |second: &str| format!("[{good},\n {second}]");
    let rows = "{question, answer}, {prompt, completion}";
    refuse_data(
        "model",
        &[
            ("empty.jsonl", "", &["`empty.jsonl` holds no rows"]),
            ("blank.jsonl", "\n \n", &["holds no rows"]),
            ("empty.json", "[]", &["holds no rows"]),
            ("empty.txt", "\n", &["holds no rows"]),
            ("header.csv", "question,answer\n", &["holds no rows"]),
            ("a.jsonl", &lines(r#"{"question": "Where?"}"#), &["`a.jsonl`, line 3", "no field `answer`", rows]),
            ("b.jsonl", &lines(r#"{"query": "Where?", "reply": "Here."}"#), &["line 3", "`question`", "only `query`"]),
            ("c.jsonl", &lines(r#"{"prompt": "Where?"}"#), &["line 3", "no field `completion`"]),
            ("d.jsonl", &lines(r#"{"question": 3, "answer": "x"}"#), &["line 3", "`question` is not a text but 3"]),
            ("e.jsonl", &lines(r#"{"messages": [{"role": "user", "content": "x"}]}"#), &["line 3", "`assistant`"]),
            ("f.jsonl", &lines(r#"{"messages": [{"role": "user"}]}"#), &["line 3", "`messages`", "`content`"]),
            ("g.jsonl", &lines("[1, 2]"), &["line 3", "not an object"]),
            ("a.json", &array(r#"{"question": "Where?"}"#), &["`a.json`, line 2", "no field `answer`"]),
            ("b.json", &array(r#"{"question": }"#), &["`b.json`, line 2", "not JSON"]),
            ("a.csv", "question,reply\nWho?,Mira.\n", &["`a.csv`, line 2", "no field `answer`"]),
            ("b.csv", "question,answer\nWho?,Mira.\nWhere?,\n", &["`b.csv`, line 3", "no field `answer`"]),
            ("c.csv", "question,answer\nWho?,Mira.\nWhere?,a,b\n", &["`c.csv`, line 3", "3 fields"]),
            ("h.jsonl", &lines(r#"{"question": "Where?" "answer""#), &["line 3: not JSON", "at column 23"]),
            ("i.jsonl", &lines(r#"{"question": "Where?", "answer": "#), &["line 3: not JSON"]),
            ("j.jsonl", &lines(r#"{"question": "Where?", "answer": ""}"#), &["line 3", "the answer is empty"]),
            ("k.jsonl", &lines(r#"{"prompt": "Where?", "completion": ""}"#), &["line 3", "the answer is empty"]),
            (
                "l.jsonl",
                &lines(r#"{"messages": [{"role": "assistant", "content": ""}]}"#),
                &["line 3", "the answer is empty"],
            ),
            ("m.jsonl", &lines(r#"{"text": ""}"#), &["line 3", "no token of the row is supervised"]),
            ("n.jsonl", &lines(r#"{"question": "Q", "answer": "A", "perturbed_answer": [1]}"#), &["line 3", "texts"]),
            ("long.jsonl", &long, &["`long.jsonl`, line 2", "the model's context has 256", "shorten"]),
            ("rows.xlsx", good, &["`rows.xlsx` is of no known kind", ".jsonl"]),
            ("rows", good, &["`rows` is of no known kind"]),
        ],
    );
}

#[test]
fn token_rows_that_cannot_be_used() {
    let row = |ids: &str, labels: &str| {
        format!("{{\"input_ids\": [1, 2], \"labels\": [-100, 2]}}\n{{\"input_ids\": {ids}, \"labels\": {labels}}}")
    };
    refuse_data(
        "plain",
        &[
            ("a.jsonl", &row("[1, 96]", "[-100, 96]"), &["line 2", "token id 96", "vocabulary of 96"]),
            ("b.jsonl", &row("[1, 2]", "[-100, 500]"), &["line 2", "token id 500"]),
            ("c.jsonl", &row("[1, -2]", "[-100, 2]"), &["line 2", "`input_ids`", "negative"]),
            ("d.jsonl", &row("[1, 2, 3]", "[-100, 2]"), &["line 2", "`labels` has 2 entries, `input_ids` has 3"]),
            ("e.jsonl", &row("[1, \"x\"]", "[-100, 2]"), &["line 2", "`input_ids` is not a list of integers"]),
            ("f.jsonl", &row("[1, 2]", "[-100, -100]"), &["line 2", "no token of the row is supervised"]),
            ("g.jsonl", &row("[]", "[]"), &["line 2", "no token of the row is supervised"]),
            ("h.jsonl", "{\"input_ids\": [1, 2]}", &["line 1", "no field `labels`"]),
            ("i.csv", "input_ids,labels\n\"[1, 2]\",\"[2]\"\n", &["line 2", "`labels` has 1 entries"]),
            ("text.jsonl", "{\"question\": \"Q\", \"answer\": \"A\"}", &["no tokenizer", "line 1", "`tokenizer.json`"]),
        ],
    );
}

#[test]
fn files_that_are_not_there_or_not_text() {
    let scratch = Scratch::new();
    scratch.write("latin.jsonl", b"{\"text\": \"caf\xe9\"}\n");
    scratch.refuse(&[
        ("score --model model --input no.jsonl", &["cannot read `no.jsonl`", "No such file", "hint: "]),
        ("score --model model --input model/no.jsonl", &["`model/no.jsonl`", "the path exists up to `model`"]),
        ("score --model model --input model", &["cannot read `model`", "directory"]),
        ("score --model model --input latin.jsonl", &["cannot read `latin.jsonl`", "UTF-8"]),
        ("train --model model --data tokens.jsonl no.jsonl --out out", &["`no.jsonl`"]),
        ("run --model model --method grad-ascent --forget no.jsonl --out out", &["`no.jsonl`"]),
        ("run --model model --method npo --forget forget.jsonl --retain no.jsonl --out out", &["`no.jsonl`"]),
        ("eval --model model --forget forget.jsonl --holdout no.jsonl --out out", &["`no.jsonl`"]),
        ("run no.toml --out out", &["cannot read `no.toml`"]),
        ("config show no.toml", &["cannot read `no.toml`"]),
        ("train --model nowhere --data forget.jsonl --out out", &["`nowhere` is not a checkpoint", "hint: give"]),
        (
            "train --model forget.jsonl --data forget.jsonl --out out",
            &["cannot read `forget.jsonl`", "not a GGUF file"],
        ),
        ("run --model plain --method grad-ascent --forget forget.jsonl --out out", &["no tokenizer", "`forget.jsonl`"]),
        ("eval --model plain --forget forget.jsonl --out out", &["no tokenizer", "`forget.jsonl`, line 1"]),
        ("chat --model plain", &["the model in `plain` has no tokenizer"]),
        ("generate --model plain --prompt x", &["the model in `plain` has no tokenizer"]),
        ("report model --out page.html", &["cannot read `model/run.json`"]),
        ("report nowhere --out page.html", &["cannot read `nowhere/run.json`"]),
        (
            "report model --out page.pdf",
            &["`page.pdf` does not say what kind of report", "hint: ", "`.csv`", "`attacks.csv`"],
        ),
    ]);
}

#[test]
fn a_prompt_that_is_longer_than_the_context() {
    let scratch = Scratch::new();
    let question = "word ".repeat(400);
    scratch.write(
        "long.jsonl",
        format!("{{\"question\": \"Q\", \"answer\": \"A\"}}\n{{\"question\": \"{question}\", \"answer\": \"A\"}}\n"),
    );
    scratch.write("text.jsonl", "{\"text\": \"once upon a time\"}\n");
    scratch.refuse(&[
        ("generate --model model --input long.jsonl", &["`long.jsonl`, line 2", "256"]),
        ("generate --model model --input text.jsonl", &["`text.jsonl`, line 1", "nothing to ask"]),
        ("eval --model model --forget long.jsonl --out out", &["`long.jsonl`, line 2", "256"]),
    ]);
}

#[test]
fn flags_that_do_not_exist_or_are_out_of_range() {
    let scratch = Scratch::new();
    let with = |more: &str| format!("{NPO} {more}");
    let generate = |more: &str| format!("generate --model model --prompt x {more}");
    let cases: &[(String, &[&str])] = &[
        (NPO.replace("npo", "nop"), &["unknown method `nop`", "did you mean `npo`?"]),
        (NPO.replace("npo", "zzz"), &["unknown method `zzz`", "grad-ascent, grad-diff, npo"]),
        (NPO.replace("--forget", "--forgett"), &["'--forgett'", "'--forget'"]),
        ("evla --model model".into(), &["'evla'", "'eval'"]),
        (NPO.replace("--out out", ""), &["--out <RUN>"]),
        (NPO.replace("--out out", "--out"), &["--out <RUN>"]),
        ("methods show nop".into(), &["unknown method `nop`", "`npo`"]),
        ("metrics show ruge".into(), &["unknown metric `ruge`", "`rouge`"]),
        ("families show lama".into(), &["unknown family `lama`", "`llama`"]),
        ("score --input tokens.jsonl".into(), &["--model <DIR>"]),
        ("score --model model".into(), &["--input <FILE>"]),
        ("generate --model model".into(), &["--prompt <TEXT>"]),
        ("generate --model model --prompt x --input forget.jsonl".into(), &["--prompt", "cannot be used with"]),
        (generate("--temperature=-1"), &["`--temperature -1`", "0 or more"]),
        (generate("--temperature -1"), &["--temperature", "-1"]),
        (generate("--temperature nan"), &["`--temperature NaN`"]),
        (generate("--temperature warm"), &["'warm'", "--temperature"]),
        (generate("--top-p 2"), &["`--top-p 2`", "up to 1"]),
        (generate("--top-p 0"), &["`--top-p 0`"]),
        (generate("--device cuda"), &["no device `cuda`", "made without it"]),
        (with("--device gpux"), &["no device `gpux`", "`cpu`"]),
        (with("--seed x"), &["'x'", "--seed"]),
        (with("--threads -1"), &["-1"]),
        (with("--precision float16"), &["precision", "bfloat16"]),
        (with("--also neighbour"), &["`--also neighbour`", "`NAME=FILE`"]),
        ("convert model copy --dtype int8".into(), &["`int8`", "f32, f16, bf16"]),
        ("convert model copy --dtype q8_0".into(), &["folder cannot hold", "`q8_0`", "f32, f16, bf16", "`.gguf`"]),
        ("convert model a.gguf --dtype int8".into(), &["`int8`", "f32, f16, bf16, q4_0, q4_1, q5_0, q5_1, q8_0"]),
        ("convert model a.gguf --dtype q2_k".into(), &["`q2_k`", "q8_0", "q4_k"]),
        ("run --model model --method npo --retain retain.jsonl --out out".into(), &["`data.forget`", "--forget FILE"]),
        ("run --model model --method npo --forget forget.jsonl --out out".into(), &["`data.retain`", "--retain FILE"]),
        ("run --model model --forget forget.jsonl --out out".into(), &["`method.name`", "--method NAME"]),
        ("run --method grad-ascent --forget forget.jsonl --out out".into(), &["`model.path`", "--model DIR"]),
        ("train --model model --out out".into(), &["`data.train`", "--data FILE"]),
        ("train --data forget.jsonl --out out".into(), &["`model.path`", "--model DIR"]),
        ("eval --model model --out out".into(), &["`data.forget`", "--forget FILE"]),
    ];
    none(cases.iter().filter_map(|(line, expected)| scratch.fault(line, expected)));
}

/// Fields as `--set` gives them, and what has to be said of them.
const FIELDS: &[(&str, &[&str])] = &[
    ("train.learning_rat=1", &["unknown field `train.learning_rat`", "did you mean `train.learning_rate`?"]),
    ("trian.epochs=1", &["unknown field `trian.epochs`", "did you mean `train.epochs`?"]),
    ("tran=1", &["unknown field `tran`"]),
    ("method.bet=1", &["`npo` has no field `bet`", "did you mean `beta`?"]),
    ("method.name=\"nop\"", &["unknown method `nop`", "`npo`"]),
    ("method.beta=\"high\"", &["not valid for `npo`", "beta"]),
    ("method.retain=\"kll\"", &["not valid for `npo`", "kll", "`kl`"]),
    ("method.beta=0", &["`method.beta = 0`", "positive"]),
    ("method.beta=-0.1", &["`method.beta = -0.1`"]),
    ("method.beta=nan", &["`method.beta = NaN`"]),
    ("method.gamma=-1", &["`method.gamma = -1`"]),
    ("eval.metrics=[\"ruge\"]", &["unknown metric `ruge`", "did you mean `rouge`?"]),
    ("eval.batch_size=\"two\"", &["eval", "two"]),
    ("train.batch_size=\"two\"", &["two", "batch_size"]),
    ("train.batch_size=0", &["`train.batch_size = 0`", "at least 1"]),
    ("train.batch_size=-1", &["-1", "batch_size"]),
    ("train.micro_tokens=0", &["`train.micro_tokens = 0`"]),
    ("train.learning_rate=-1", &["`train.learning_rate = -1`"]),
    ("train.learning_rate=nan", &["`train.learning_rate = NaN`"]),
    ("train.epochs=-1", &["`train.epochs = -1`"]),
    ("train.clip=-1", &["`clip`", "positive number", "-1"]),
    ("train.clip=\"soft\"", &["`clip`", "soft"]),
    ("train.beta2=1.0", &["`train.beta2 = 1`"]),
    ("train.schedule=\"liner\"", &["liner", "`linear`"]),
    ("train.shuffle=3", &["shuffle", "3"]),
    ("seed=-1", &["seed", "-1"]),
    ("data.limit=0", &["`data.limit = 0`", "at least 1"]),
];

#[test]
fn fields_that_do_not_exist_or_are_out_of_range() {
    let scratch = Scratch::new();
    none(FIELDS.iter().filter_map(|(set, expected)| scratch.fault(&format!("{NPO} --set {set}"), expected)));
    scratch.refuse(&[
        (&format!("{NPO} --set train.steps"), &["`--set train.steps`", "`path.to.field=value`"]),
        (&format!("{NPO} --set seed.x=1"), &["seed"]),
        (&format!("{NPO} --set method=npo"), &["method"]),
    ]);
}

#[test]
fn a_recipe_file_that_is_wrong_is_named() {
    let scratch = Scratch::new();
    let head = "model.path = \"model\"\ndata.forget = [\"forget.jsonl\"]\ndata.retain = [\"retain.jsonl\"]\n";
    let named = |set: &(&str, &[&str])| -> Option<String> {
        let method = if set.0.starts_with("method.name") { "" } else { "method.name = \"npo\"\n" };
        scratch.write("recipe.toml", format!("{head}{method}{}\n", set.0));
        scratch.fault("run recipe.toml --out out", &[&["`recipe.toml`"], set.1].concat())
    };
    let more: &[(&str, &[&str])] =
        &[("train.steps = ", &["recipe.toml"]), ("train.steps = 1\ntrain.steps = 2", &["steps"])];
    none(FIELDS.iter().chain(more).filter_map(named));
}

#[test]
fn a_folder_that_holds_something_is_left_alone() {
    let scratch = Scratch::new();
    fs::create_dir(scratch.path("full")).expect("a folder");
    scratch.write("full/notes.txt", "mine");
    scratch.write("old.gguf", "mine");
    let train = "train --model plain --data tokens.jsonl --set train.steps=1 --out";
    let made = scratch.run(&format!("{train} done --quiet"));
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    for folder in ["done", "full"] {
        let why = if folder == "done" { "`done` holds another run" } else { "`full` is not empty, and holds no run" };
        scratch.refuse(&[
            (&format!("{train} {folder}"), &[why, "`--out`"]),
            (&NPO.replace("--out out", &format!("--out {folder}")), &[why]),
            (&format!("eval --model model --forget forget.jsonl --out {folder}"), &[why]),
            (&format!("demo --out {folder}"), &[&format!("`{folder}`")]),
            (&format!("bench-metrics --out {folder}"), &[&format!("`{folder}` is not empty"), "`--resume`"]),
            (&format!("bench-metrics --resume --out {folder}"), &[&format!("`{folder}` is not empty, and holds no")]),
        ]);
    }
    scratch.refuse(&[
        (&format!("{train} full --resume"), &["`full` is not empty, and holds no run"]),
        (&format!("{train} model"), &["`model` is not empty"]),
        (&format!("{train} forget.jsonl"), &["`forget.jsonl`"]),
        (&format!("{train} forget.jsonl/out"), &["`forget.jsonl/out`"]),
        ("convert plain model", &["`model` already exists"]),
        ("convert plain plain", &["`plain` already exists"]),
        ("convert plain forget.jsonl", &["`forget.jsonl` already exists"]),
        ("convert plain forget.jsonl/out", &["forget.jsonl"]),
        ("convert plain old.gguf", &["`old.gguf` already exists", "choose a file"]),
        ("convert plain old.gguf/a.gguf", &["cannot write `old.gguf/a.gguf`"]),
        ("convert plain nowhere/a.gguf", &["cannot write `nowhere/a.gguf`", "hint: "]),
        ("report done --out nowhere/page.html", &["`nowhere/page.html`"]),
    ]);
}

#[test]
fn a_run_is_resumed_with_what_began_it_only() {
    let scratch = Scratch::new();
    let train = "train --model plain --data tokens.jsonl --out out --resume --quiet --set train.steps=2";
    let command = |more: &str| scratch.run(&format!("{train} {more}"));
    assert!(command("").status.success());
    let record = fs::read_to_string(scratch.path("out/run.json")).expect("a record");
    let (data, weights) = (scratch.path("tokens.jsonl"), scratch.path("plain/model.safetensors"));
    // What is refused of a finished run has to be refused of an interrupted one too.
    for finished in ["true", "false"] {
        scratch.write("out/run.json", record.replace("\"finished\": true", &format!("\"finished\": {finished}")));
        scratch.refuse(&[
            (&format!("{train} --set train.steps=3"), &["`out` cannot be resumed: the recipe has changed", "hint: "]),
            (&format!("{train} --seed 9"), &["the recipe has changed"]),
            ("eval --model plain --forget tokens.jsonl --out out --resume", &["`out` cannot be resumed"]),
        ]);
        for path in [&data, &weights] {
            let old = fs::read(path).expect("an input");
            let mut changed = old.clone();
            *changed.iter_mut().rfind(|b| **b == b'7').expect("a seven") = b'8';
            fs::write(path, changed).expect("an input that changes");
            scratch.refuse(&[(train, &["`out` cannot be resumed: a model or a data file has changed"])]);
            fs::write(path, old).expect("the input as it was");
        }
    }
    assert!(command("").status.success(), "what began it goes on");
    scratch.write("out/run.json", &record[..record.len() / 2]);
    scratch.refuse(&[(train, &["`out/run.json` is not valid"])]);
}

#[test]
fn models_that_a_gguf_file_cannot_hold() {
    let scratch = Scratch::new();
    let spoil = |name: &str, from: &str, file: &str, old: &str, new: &str| {
        common::copy(&scratch.path(from), &scratch.path(name));
        let path = scratch.path(name).join(file);
        let content = fs::read_to_string(&path).expect("a text");
        assert!(content.contains(old), "{file} holds {old}");
        fs::write(path, content.replacen(old, new, 1)).expect("a spoilt model");
    };
    spoil(
        "window",
        "plain",
        "config.json",
        "\"model_type\": \"llama\"",
        "\"model_type\": \"mistral\", \"sliding_window\": 9",
    );
    spoil("act", "plain", "config.json", "\"hidden_act\": \"silu\"", "\"hidden_act\": \"gelu\"");
    spoil("lower", "model", "tokenizer.json", "\"normalizer\": null", "\"normalizer\": {\"type\": \"Lowercase\"}");
    let hint = "hint: write a folder instead: give a target that does not end in `.gguf`";
    scratch.refuse(&[
        ("convert window a.gguf", &["cannot write `a.gguf`", "`sliding_window` of `config.json`", hint]),
        ("convert act a.gguf --dtype q8_0", &["cannot write `a.gguf`", "`hidden_act`", "Gelu", hint]),
        ("convert lower a.gguf", &["cannot write `a.gguf`", "`pre_tokenizer` of `tokenizer.json`", hint]),
        ("convert nowhere a.gguf", &["`nowhere` is not a checkpoint"]),
    ]);
}

/// A file system of a few kilobytes, gone when it is dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// `None` where this user may not mount one.
    fn new(at: PathBuf) -> Option<Self> {
        fs::create_dir(&at).expect("a mount point");
        mount(&["-t", "tmpfs", "-o", "size=4k", "tmpfs"], &at).then_some(Self(at))
    }

    fn resize(&self, size: &str) {
        assert!(mount(&["-o", &format!("remount,size={size}")], &self.0), "the disk can be enlarged");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

fn mount(options: &[&str], at: &Path) -> bool {
    Command::new("mount").args(options).arg(at).output().is_ok_and(|o| o.status.success())
}

#[test]
fn a_full_disk_leaves_nothing_half_written() {
    let scratch = Scratch::new();
    let Some(disk) = SmallDisk::new(scratch.path("disk")) else {
        println!("skipped: a small disk cannot be mounted here");
        return;
    };
    let train = "train --model plain --data tokens.jsonl --set train.steps=2 --quiet --out";
    for size in ["4k", "64k"] {
        disk.resize(size);
        scratch.refuse(&[
            ("convert plain disk/copy", &["cannot write `disk/", "No space left"]),
            ("convert plain disk/copy.gguf", &["cannot write `disk/copy.gguf`", "No space left"]),
        ]);
    }
    // Large enough for: the recipe, the record too, less than a state, a state but no model.
    for size in ["4k", "64k", "256k", "450k"] {
        disk.resize(size);
        let output = scratch.run(&format!("{train} disk/out --resume"));
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{size}: {said}");
        assert!(said.starts_with("error: cannot write `disk/out/") && said.contains("No space left"), "{size}: {said}");
        assert!(said.contains("`--resume`"), "{size}: {said}");
        let half = tree(&disk.0).into_keys().find(|p| p.to_string_lossy().contains(".part"));
        assert_eq!(half, None, "{size}: half a file");
        assert!(!scratch.path("disk/out/model").exists(), "{size}: a model");
    }
    disk.resize("16m");
    for run in ["disk/out --resume", "whole"] {
        let output = scratch.run(&format!("{train} {run}"));
        assert!(output.status.success(), "{run}: {}", String::from_utf8_lossy(&output.stderr));
    }
    let model = |run: &str| fs::read(scratch.path(run).join("model/model.safetensors")).expect("a model");
    assert!(model("disk/out") == model("whole"), "the same model as without a full disk");
    assert!(!scratch.path("disk/out/state").exists());
}
