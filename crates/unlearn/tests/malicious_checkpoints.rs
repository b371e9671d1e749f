//! Checkpoints that are damaged, or made to harm: each is refused by name, and nothing is written.

mod common;

use std::fs;
use std::path::Path;

use common::{Scratch, copy, none};
use serde_json::{Map, Value, json};

const WEIGHTS: &str = "model.safetensors";
const NORM: &str = "model.norm.weight";
const EMBEDDING: &str = "model.embed_tokens.weight";

/// A name, what is done to a good checkpoint, and what has to be said of it.
type Case<'a> = (&'a str, Box<dyn Fn(&Path)>, &'a [&'a str]);

fn case<'a>(name: &'a str, spoil: impl Fn(&Path) + 'static, expected: &'a [&'a str]) -> Case<'a> {
    (name, Box::new(spoil), expected)
}

/// Spoils a copy `bad` of a model in each of these ways, and converts it.
fn refuse(cases: &[Case<'_>]) {
    let scratch = Scratch::new();
    none(cases.iter().filter_map(|(name, spoil, expected)| {
        copy(&scratch.path("model"), &scratch.path("bad"));
        spoil(&scratch.path("bad"));
        let fault = scratch.fault("convert bad out", &[&["bad"], *expected].concat());
        fault.map(|fault| format!("{name}: {fault}"))
    }));
}

fn write(path: impl AsRef<Path>, content: impl AsRef<[u8]>) {
    fs::write(path, content).expect("a file that is spoilt");
}

fn remove(path: impl AsRef<Path>) {
    fs::remove_file(path).expect("a file that goes");
}

/// Sets a field of `config.json`.
fn config(field: &'static str, value: Value) -> impl Fn(&Path) {
    edit("config.json", field, value)
}

fn edit(file: &'static str, field: &'static str, value: Value) -> impl Fn(&Path) {
    move |dir| {
        let path = dir.join(file);
        let mut object: Map<String, Value> =
            serde_json::from_slice(&fs::read(&path).expect("JSON")).expect("an object");
        object.insert(field.to_owned(), value.clone());
        write(&path, Value::Object(object).to_string());
    }
}

/// The header and the data of a safetensors file.
fn parts(file: &[u8]) -> (Map<String, Value>, Vec<u8>) {
    let (length, rest) = file.split_first_chunk().expect("a length");
    let (header, data) = rest.split_at(u64::from_le_bytes(*length) as usize);
    (serde_json::from_slice(header).expect("a header"), data.to_vec())
}

fn joined(header: &[u8], data: &[u8]) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes(), header, data].concat()
}

/// Edits the weights' header and data.
fn weights(spoil: impl Fn(&mut Map<String, Value>, &mut Vec<u8>)) -> impl Fn(&Path) {
    move |dir| {
        let path = dir.join(WEIGHTS);
        let (mut header, mut data) = parts(&fs::read(&path).expect("weights"));
        spoil(&mut header, &mut data);
        write(&path, joined(Value::Object(header).to_string().as_bytes(), &data));
    }
}

/// Edits one tensor's entry in the header.
fn entry(name: &'static str, field: &'static str, value: Value) -> impl Fn(&Path) {
    weights(move |header, _| header[name][field] = value.clone())
}

/// Moves the two ends of a tensor's data.
fn moved(name: &'static str, by: [i64; 2]) -> impl Fn(&Path) {
    weights(move |header, _| {
        let end = |i: usize| header[name]["data_offsets"][i].as_i64().expect("an offset") + by[i];
        header[name]["data_offsets"] = json!([end(0), end(1)]);
    })
}

/// Puts an index in the place of the single file, which becomes a shard.
fn index(content: &'static str) -> impl Fn(&Path) {
    move |dir| {
        fs::rename(dir.join(WEIGHTS), dir.join("a.safetensors")).expect("a shard");
        write(dir.join("model.safetensors.index.json"), content);
    }
}

#[test]
fn folders_that_are_no_checkpoint() {
    refuse(&[
        case(
            "nothing",
            |dir| fs::remove_dir_all(dir).expect("removed"),
            &["`bad` is not a checkpoint", "nothing there"],
        ),
        case("no configuration", |dir| remove(dir.join("config.json")), &["`bad`", "no `config.json`", "hint: give"]),
        case("no weights", |dir| remove(dir.join(WEIGHTS)), &["`bad`", "neither `model.safetensors`"]),
        case(
            "pickles only",
            |dir| fs::rename(dir.join(WEIGHTS), dir.join("pytorch_model.bin")).expect("renamed"),
            &["`bad`", "pickles, which can run code", "`safe_serialization=True`"],
        ),
        case(
            "a folder as weights",
            |dir| {
                remove(dir.join(WEIGHTS));
                fs::create_dir(dir.join(WEIGHTS)).expect("a folder")
            },
            &["`bad/model.safetensors`"],
        ),
        case(
            "half a configuration",
            |dir| write(dir.join("config.json"), "{\"model_type\": "),
            &["`bad/config.json` is not valid"],
        ),
        case(
            "no object",
            |dir| write(dir.join("config.json"), "[]"),
            &["`bad/config.json`", "`model_type` is missing"],
        ),
        case("no text", |dir| write(dir.join("config.json"), b"\xff\xfe"), &["`bad/config.json`", "UTF-8"]),
    ]);
}

#[test]
fn configurations_that_ask_for_what_is_not_there() {
    let spiral = json!({"rope_type": "spiral", "rope_theta": 1e4, "factor": 2.0});
    refuse(&[
        case(
            "misspelt family",
            config("model_type", json!("lama")),
            &["`bad/config.json`", "`lama`", "did you mean `llama`?"],
        ),
        case(
            "other family",
            config("model_type", json!("rwkv")),
            &["`bad/config.json`", "`rwkv`", "`unlearn families`"],
        ),
        case("no family", config("model_type", Value::Null), &["`bad/config.json`", "`model_type` is missing"]),
        case(
            "other scaling",
            config("rope_parameters", spiral.clone()),
            &["rope_parameters.rope_type", "`spiral`", "llama3"],
        ),
        case("scaling without a type", config("rope_parameters", json!({"factor": 2.0})), &["type` is missing"]),
        case(
            "scaling without a factor",
            config("rope_parameters", json!({"rope_type": "llama3"})),
            &["factor` is missing"],
        ),
        case("scaling as a text", config("rope_parameters", json!("yarn")), &["`rope_parameters`", "yarn"]),
        case("relu", config("hidden_act", json!("relu")), &["`bad/config.json`", "`hidden_act`", "relu", "silu"]),
        case("unknown option", config("logit_wobble", json!(0.5)), &["`bad/config.json`", "`logit_wobble`", "lacks"]),
        case("no vocabulary", config("vocab_size", json!(0)), &["`vocab_size`", "0"]),
        case("negative size", config("hidden_size", json!(-48)), &["`hidden_size`", "-48"]),
        case("size as text", config("num_hidden_layers", json!("three")), &["`num_hidden_layers`", "three"]),
        case(
            "endless layers",
            config("num_hidden_layers", json!(2_000_000_000)),
            &["`num_hidden_layers`", "2000000000"],
        ),
        case("endless width", config("hidden_size", json!(1u64 << 40)), &["`hidden_size`"]),
        case("large width", config("hidden_size", json!(1u64 << 31)), &["`bad` is not a checkpoint", "2147483648"]),
        case("uneven heads", config("num_key_value_heads", json!(3)), &["`num_key_value_heads`", "3"]),
        case("odd heads", config("head_dim", json!(11)), &["`head_dim`", "11"]),
        case("negative epsilon", config("rms_norm_eps", json!(-1.0)), &["`rms_norm_eps`"]),
        case("switch as text", config("tie_word_embeddings", json!("yes")), &["`tie_word_embeddings`", "yes"]),
        case(
            "more layers than weights",
            config("num_hidden_layers", json!(4)),
            &["tensors are missing: `model.layers.3"],
        ),
        case("fewer layers than weights", config("num_hidden_layers", json!(2)), &["does not need: `model.layers.2"]),
    ]);
}

#[test]
fn weights_that_are_cut_short_or_lie() {
    let scratch = Scratch::new();
    let good = fs::read(scratch.path("model/model.safetensors")).expect("weights");
    let mut cases = Vec::new();
    let half = good.len() / 2;
    for length in [0, 1, 7, 8, 9, 100, half, good.len() - 1] {
        let file = good[..length].to_vec();
        cases.push(case(
            "cut short",
            move |dir| write(dir.join(WEIGHTS), &file),
            &["`bad/model.safetensors`", "hint: the file may be cut short"],
        ));
    }
    for length in [u64::MAX, 1 << 40, good.len() as u64, 0, 1] {
        let file = [&length.to_le_bytes(), &good[8..]].concat();
        cases.push(case(
            "false length",
            move |dir| write(dir.join(WEIGHTS), &file),
            &["`bad/model.safetensors` cannot be used"],
        ));
    }
    for header in ["{", "[]", "null", "{\"a\": 1}", "{\"\u{0}\": {}}", "not json at all", "\u{7b}\u{7f}"] {
        let file = joined(header.as_bytes(), &[0; 64]);
        cases.push(case(
            "false header",
            move |dir| write(dir.join(WEIGHTS), &file),
            &["`bad/model.safetensors` cannot be used"],
        ));
    }
    let longer = [good.as_slice(), &[0]].concat();
    cases.push(case(
        "a byte too many",
        move |dir| write(dir.join(WEIGHTS), &longer),
        &["`bad/model.safetensors` cannot be used"],
    ));
    refuse(&cases);
}

#[test]
fn tensors_that_do_not_fit() {
    let file = &["`bad/model.safetensors` cannot be used", "hint: "];
    let remove_last = weights(|header, data| {
        let end = |e: &Value| e["data_offsets"][1].as_u64();
        let last = header.iter().filter(|(n, _)| *n != "__metadata__").max_by_key(|(_, e)| end(e)).expect("a tensor");
        let (name, start) = (last.0.clone(), last.1["data_offsets"][0].as_u64().expect("an offset"));
        header.remove(&name);
        data.truncate(start as usize);
    });
    let add = weights(|header, data| {
        let ends = [data.len(), data.len() + 8];
        header.insert("adapter.weight".into(), json!({"dtype": "F32", "shape": [2], "data_offsets": ends}));
        data.extend([0; 8]);
    });
    let rename = weights(|header, _| {
        let entry = header.remove(NORM).expect("the norm");
        header.insert("model.norm.wieght".into(), entry);
    });
    refuse(&[
        case("beyond the end", moved(NORM, [1 << 30, 1 << 30]), file),
        case("longer than its shape", moved(NORM, [0, 4]), file),
        case("backwards", moved(NORM, [400, 0]), file),
        case("overlap", moved(NORM, [-96, -96]), file),
        case("negative offset", entry(NORM, "data_offsets", json!([-1, 191])), file),
        case("endless offset", entry(NORM, "data_offsets", json!([u64::MAX - 192, u64::MAX])), file),
        case("endless shape", entry(NORM, "shape", json!([u64::MAX, 48])), file),
        case("other shape than its bytes", entry(NORM, "shape", json!([47])), file),
        case("unknown type", entry(NORM, "dtype", json!("F17")), file),
        case(
            "integers",
            entry(NORM, "dtype", json!("I32")),
            &["`bad/model.safetensors`", "`model.norm.weight`", "I32"],
        ),
        case(
            "transposed",
            entry(EMBEDDING, "shape", json!([48, 420])),
            &["`bad`", EMBEDDING, "[48, 420]", "[420, 48]"],
        ),
        case("flat", entry(EMBEDDING, "shape", json!([48 * 420])), &["`bad`", EMBEDDING, "[20160]"]),
        case("missing", remove_last, &["`bad` is not a checkpoint", "tensors are missing: `model."]),
        case("superfluous", add, &["`bad` is not a checkpoint", "`adapter.weight`"]),
        case("renamed", rename, &["`bad` is not a checkpoint", "`model.norm.wieght`"]),
    ]);
}

#[test]
fn an_index_that_names_what_is_not_there() {
    let name = "`bad/model.safetensors.index.json`";
    refuse(&[
        case("missing shard", index(r#"{"weight_map": {"x": "b.safetensors"}}"#), &["cannot read `bad/b.safetensors`"]),
        case(
            "up and out",
            index(r#"{"weight_map": {"x": "../forget.jsonl"}}"#),
            &[name, "outside the folder: `../forget.jsonl`"],
        ),
        case(
            "absolute",
            index(r#"{"weight_map": {"x": "/etc/passwd"}}"#),
            &[name, "outside the folder: `/etc/passwd`"],
        ),
        case("parent", index(r#"{"weight_map": {"x": ".."}}"#), &[name, "outside the folder: `..`"]),
        case("no shard", index(r#"{"weight_map": {}}"#), &["`bad`"]),
        case("no map", index(r#"{"metadata": {}}"#), &[name, "weight_map"]),
        case("no JSON", index("{"), &[name, "not valid"]),
        case("unknown tensor", index(r#"{"weight_map": {"x": "a.safetensors"}}"#), &[name, "`x`", "no shard holds"]),
        case(
            "tensor in two shards",
            |dir| {
                index(r#"{"weight_map": {"x": "a.safetensors", "y": "b.safetensors"}}"#)(dir);
                fs::copy(dir.join("a.safetensors"), dir.join("b.safetensors")).expect("a copy");
            },
            &["`bad/b.safetensors`", "two shards"],
        ),
    ]);
}

#[test]
fn tokenizers_and_templates_that_are_broken() {
    let tokenizer = "the tokenizer in `bad/tokenizer.json` cannot be used";
    refuse(&[
        case("half a tokenizer", |dir| write(dir.join("tokenizer.json"), "{\"version\": \"1.0\", "), &[tokenizer]),
        case("empty tokenizer", |dir| write(dir.join("tokenizer.json"), ""), &[tokenizer]),
        case("no tokenizer", |dir| write(dir.join("tokenizer.json"), "{}"), &[tokenizer]),
        case("unknown model", edit("tokenizer.json", "model", json!({"type": "Magic", "vocab": {}})), &[tokenizer]),
        case(
            "half a configuration",
            |dir| write(dir.join("tokenizer_config.json"), "{"),
            &["`bad/tokenizer_config.json` is not valid"],
        ),
        case(
            "unknown end",
            edit("tokenizer_config.json", "eos_token", json!("<|nope|>")),
            &["`eos_token`", "`<|nope|>`", "bad/tokenizer"],
        ),
        case(
            "template that is no text",
            |dir| write(dir.join("chat_template.jinja"), b"\xff"),
            &["`bad/chat_template.jinja`", "UTF-8"],
        ),
    ]);
    let scratch = Scratch::new();
    fs::copy(scratch.path("model/tokenizer.json"), scratch.path("plain/tokenizer.json")).expect("another's tokenizer");
    scratch.refuse(&[("convert plain out", &["the tokenizer in `plain`", "does not fit", "embeds 96", "hint: "])]);
    for template in
        ["{% if %}", "{% for m in messages %}", "{{ raise_exception('no user may ask') }}", "{{ nothing() }}"]
    {
        scratch.write("model/chat_template.jinja", template);
        let expected: &[&str] = &["the chat template cannot be rendered", "model/chat_template.jinja"];
        scratch.refuse(&[
            ("score --model model --input forget.jsonl", expected),
            ("train --model model --data forget.jsonl --out out", expected),
            ("generate --model model --prompt x", expected),
        ]);
    }
}

/// A GGUF file of one text and one tensor of 32 · 4 values of a type.
fn gguf(architecture: &str, kind: u32) -> Vec<u8> {
    let text = |text: &str| [&(text.len() as u64).to_le_bytes(), text.as_bytes()].concat();
    let long = |n: u64| n.to_le_bytes().to_vec();
    let short = |n: u32| n.to_le_bytes().to_vec();
    let header = [b"GGUF".to_vec(), short(3), long(1), long(1)].concat();
    let metadata = [text("general.architecture"), short(8), text(architecture)].concat();
    let tensor = [text("token_embd.weight"), short(2), long(32), long(4), short(kind), long(0)].concat();
    let mut file = [header, metadata, tensor].concat();
    file.resize(file.len().next_multiple_of(32) + 4 * 32 * 4, 0);
    file
}

#[test]
fn gguf_files_that_cannot_be_read() {
    let scratch = Scratch::new();
    let good = gguf("llama", 0);
    let mut cases: Vec<(Vec<u8>, &[&str])> = vec![
        (gguf("llama", 999), &["cannot read `bad.gguf`", "`token_embd.weight`", "tensor type 999 (unknown)", "Q8_0"]),
        (gguf("llama", 16), &["cannot read `bad.gguf`", "tensor type 16 (IQ2_XXS)", "hint: "]),
        (gguf("lama", 0), &["cannot read `bad.gguf`", "`lama`", "llama"]),
        (good.clone(), &["cannot read `bad.gguf`", "`llama."]),
        (b"PK\x03\x04".to_vec(), &["cannot read `bad.gguf`", "not a GGUF file"]),
        (Vec::new(), &["`bad.gguf`", "empty"]),
    ];
    for length in [4, 10, 23, 40, 60, 100, good.len() - 512, good.len() - 1] {
        cases.push((good[..length].to_vec(), &["cannot read `bad.gguf`", "cut short", "hint: "]));
    }
    none(
        cases
            .into_iter()
            .flat_map(|(file, expected)| {
                scratch.write("bad.gguf", file);
                ["convert bad.gguf out", "train --model bad.gguf --data tokens.jsonl --out out"]
                    .map(|line| scratch.fault(line, expected))
            })
            .flatten(),
    );
}
