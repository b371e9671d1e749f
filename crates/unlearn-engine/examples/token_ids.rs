//! Token ids of texts, for comparisons with other software: `token_ids MODEL TEXTS OUT`. MODEL is a GGUF file or a
//! folder, TEXTS has a JSON string in each line, and OUT gets an object in each: `ids` with what the tokenizer adds to
//! a whole text, and the `text` that they stand for.

use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;

use serde_json::json;
use unlearn_data::Tokenizer;
use unlearn_engine::gguf::{Gguf, TokenizerFiles};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, texts, out] = &arguments[..] else { return Err("needs MODEL TEXTS OUT".into()) };
    let tokenizer = read(Path::new(model))?;
    let mut lines = String::new();
    for line in std::fs::read_to_string(texts)?.lines() {
        let text: String = serde_json::from_str(line)?;
        let ids = tokenizer.encode(&text, true)?;
        let text = tokenizer.decode(&ids)?;
        writeln!(lines, "{}", json!({"ids": ids, "text": text}))?;
    }
    std::fs::write(out, lines)?;
    Ok(())
}

fn read(model: &Path) -> Result<Tokenizer, Box<dyn Error>> {
    if model.is_dir() {
        return Tokenizer::of_folder(model)?.ok_or_else(|| format!("`{}` has no tokenizer", model.display()).into());
    }
    let bytes = std::fs::read(model)?;
    let files = TokenizerFiles::from_gguf(&Gguf::parse(&bytes)?)?;
    let files = files.ok_or_else(|| format!("`{}` has no vocabulary", model.display()))?;
    Ok(Tokenizer::of_files(files.tokenizer.to_string().as_bytes(), &files.tokenizer_config, model)?)
}
