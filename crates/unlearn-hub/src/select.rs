//! Which files of a repository are needed.

use std::collections::BTreeSet;
use std::path::Path;

use serde::Deserialize;
use unlearn_core::{FileError, file, registry};

use crate::name::stays_inside;
use crate::{HubError, Repository};

const SINGLE: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";

/// The files to fetch; with an index, the shards that it lists come on top.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Choice {
    pub files: Vec<String>,
    pub index: Option<&'static str>,
}

/// Chooses among a repository's files: those that the patterns match, or those that a model needs.
pub(crate) fn choose(repository: &Repository, files: &[String], patterns: &[String]) -> Result<Choice, HubError> {
    if !patterns.is_empty() {
        return Ok(Choice { files: matched(repository, files, patterns)?, index: None });
    }
    let refuse = |reason: String, hint: &str| {
        Err(HubError::Select { repository: repository.clone(), reason, hint: hint.to_owned() })
    };
    let has = |name: &str| files.iter().any(|f| f == name);
    let ending = |ends: &[&str]| files.iter().filter(|f| ends.iter().any(|e| f.ends_with(e))).collect::<Vec<_>>();
    let mut needed: Vec<String> =
        ["config.json"].iter().chain(file::COMPANIONS).filter(|n| has(n)).map(|n| (*n).to_owned()).collect();
    if has("config.json") && has(SINGLE) {
        needed.push(SINGLE.into());
        return Ok(Choice { files: needed, index: None });
    }
    if has("config.json") && has(INDEX) {
        return Ok(Choice { files: needed, index: Some(INDEX) });
    }
    let (safetensors, gguf) = (ending(&[".safetensors"]), ending(&[".gguf"]));
    if safetensors.is_empty() && !gguf.is_empty() {
        let reason = format!("has no safetensors, but GGUF files: {}", list(&gguf));
        return refuse(reason, &format!("choose one, for example `--file {}`", gguf[0]));
    }
    let pickles: Vec<_> = files.iter().filter(|f| is_pickle(f)).collect();
    if safetensors.is_empty() && !pickles.is_empty() {
        let reason =
            format!("has its weights as PyTorch pickles only, which can run code when read: {}", list(&pickles));
        return refuse(reason, CONVERT);
    }
    if !safetensors.is_empty() {
        let missing = if has("config.json") { "`model.safetensors` nor an index of shards" } else { "`config.json`" };
        let reason = match has("config.json") {
            true => format!("has neither {missing}, but {}", list(&safetensors)),
            false => format!("has no {missing}, so it is no whole model"),
        };
        return refuse(reason, "choose files with `--file PATTERN`, if that is what you want");
    }
    refuse("holds no weights that can be read".into(), "choose files with `--file PATTERN`, or another repository")
}

const CONVERT: &str = "convert it where you trust it, in Python: \
    `AutoModelForCausalLM.from_pretrained(NAME).save_pretrained(DIR)` writes safetensors; or look for a copy that has \
    them, often in the branch `refs/pr/…` of its page";

/// The shards that an index lists, each of which has to be one of the repository's files, in the same folder.
pub(crate) fn shards(repository: &Repository, index: &Path, files: &[String]) -> Result<Vec<String>, HubError> {
    #[derive(Deserialize)]
    struct Index {
        weight_map: std::collections::BTreeMap<String, String>,
    }
    let Index { weight_map } = file::read_json(index)?;
    let names: BTreeSet<String> = weight_map.into_values().collect();
    for name in &names {
        if !stays_inside(name) || name.contains('/') {
            return Err(HubError::Escape { place: format!("`{INDEX}` of `{repository}`"), name: name.clone() });
        }
        if is_pickle(name) || !files.contains(name) {
            let reason = format!("lists the shard `{}`, which it does not have", name.escape_debug());
            let hint = "the repository is incomplete: try another revision, or tell its owner".into();
            return Err(HubError::Select { repository: repository.clone(), reason, hint });
        }
    }
    if names.is_empty() {
        return Err(FileError::invalid(index, "it lists no shard").into());
    }
    Ok(names.into_iter().collect())
}

fn matched(repository: &Repository, files: &[String], patterns: &[String]) -> Result<Vec<String>, HubError> {
    let mut chosen = BTreeSet::new();
    for pattern in patterns {
        let found: Vec<&String> = files.iter().filter(|f| matches(pattern.as_bytes(), f.as_bytes())).collect();
        if found.is_empty() {
            let hint = match registry::nearest(pattern, files.iter().map(String::as_str)) {
                Some(name) => format!("did you mean `{name}`?"),
                None => format!("its files: {}", list(&files.iter().collect::<Vec<_>>())),
            };
            let reason = format!("has no file that matches `{pattern}`");
            return Err(HubError::Select { repository: repository.clone(), reason, hint });
        }
        chosen.extend(found);
    }
    let (pickles, plain): (Vec<_>, Vec<_>) = chosen.into_iter().partition(|f| is_pickle(f));
    if plain.is_empty() {
        let reason = format!("matches only PyTorch pickles, which can run code when read: {}", list(&pickles));
        return Err(HubError::Select { repository: repository.clone(), reason, hint: CONVERT.into() });
    }
    Ok(plain.into_iter().cloned().collect())
}

fn is_pickle(name: &str) -> bool {
    [".bin", ".pt", ".pth", ".ckpt", ".pkl"].iter().any(|end| name.ends_with(end))
}

/// `*` is any text and `?` any character, as in `huggingface_hub`'s patterns.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n) = (0, 0);
    // Where the last star stands, and what it has swallowed so far.
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(c) if *c == b'?' || *c == name[n] => (p, n) = (p + 1, n + 1),
            _ => {
                let Some((at, swallowed)) = star else { return false };
                star = Some((at, swallowed + 1));
                (p, n) = (at + 1, swallowed + 1);
            }
        }
    }
    pattern[p..].iter().all(|c| *c == b'*')
}

fn list(names: &[&String]) -> String {
    let shown = names.iter().take(8).map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ");
    if names.len() > 8 { format!("{shown} and {} more", names.len() - 8) } else { shown }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choice(files: &[&str], patterns: &[&str]) -> Result<Choice, String> {
        let own = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
        let repository = "a/b".parse().expect("a name");
        choose(&repository, &own(files), &own(patterns)).map_err(|e| format!("{e} / {}", e.hint().unwrap_or_default()))
    }

    #[test]
    fn a_model_is_its_configuration_tokenizer_and_safetensors() {
        let all = ["README.md", "config.json", "tokenizer.json", "model.safetensors", "pytorch_model.bin", "x.gguf"];
        let files = choice(&all, &[]).expect("a model").files;
        assert_eq!(files, ["config.json", "tokenizer.json", "model.safetensors"]);
        let sharded = choice(&["config.json", INDEX, "model-1.safetensors"], &[]).expect("a model");
        assert_eq!((sharded.files, sharded.index), (vec!["config.json".to_owned()], Some(INDEX)));
    }

    #[test]
    fn what_cannot_be_read_is_named_with_a_way_out() {
        let gguf = choice(&["README.md", "m-q4.gguf", "m-q8.gguf"], &[]).expect_err("no safetensors");
        assert!(gguf.contains("`m-q4.gguf`, `m-q8.gguf`") && gguf.contains("--file m-q4.gguf"), "{gguf}");
        let pickles = choice(&["config.json", "pytorch_model.bin"], &[]).expect_err("a pickle");
        assert!(pickles.contains("can run code") && pickles.contains("save_pretrained"), "{pickles}");
        let adapter = choice(&["adapter_config.json", "adapter_model.safetensors"], &[]).expect_err("no model");
        assert!(adapter.contains("`config.json`"), "{adapter}");
        assert!(choice(&[], &[]).is_err());
    }

    #[test]
    fn patterns_choose_and_pickles_stay_out() {
        let all = ["a/x.json", "config.json", "m-q4.gguf", "pytorch_model.bin"];
        assert_eq!(
            choice(&all, &["*.json", "m-??.gguf"]).expect("some").files,
            ["a/x.json", "config.json", "m-q4.gguf"]
        );
        assert_eq!(choice(&all, &["*"]).expect("some").files.len(), 3);
        assert!(choice(&all, &["*.bin"]).expect_err("a pickle").contains("can run code"));
        assert!(choice(&all, &["m-q5.gguf"]).expect_err("none").contains("did you mean `m-q4.gguf`?"));
    }
}
