//! `unlearn convert`

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use unlearn_core::run::RunFolder;
use unlearn_engine::adapter::{merged, peft, unmerged};
use unlearn_engine::gguf::TensorKind;
use unlearn_engine::{LanguageModel, Precision, checkpoint};

use crate::context::Context;
use crate::failure::Refusal;

/// Names of the formats that a folder can hold.
const PLAIN: &str = "f32, f16, bf16";

#[derive(Debug, Args)]
pub struct Convert {
    /// A Hugging Face folder or a GGUF file
    #[arg(value_name = "SRC")]
    source: PathBuf,
    /// The folder to write, or the GGUF file if it ends in `.gguf`; it must not exist
    #[arg(value_name = "TARGET")]
    target: PathBuf,
    /// The number format to save in: f32, f16 or bf16, in a GGUF file also q8_0, q5_k, q5_1, q5_0, q4_k, q4_1 or q4_0; the
    /// source's own when not given, in a GGUF file of a source in quantised blocks f16
    #[arg(long, value_name = "NAME")]
    dtype: Option<String>,
    /// Merge the adapters of a PEFT folder into the weights
    #[arg(long, value_name = "FOLDER")]
    adapter: Option<PathBuf>,
    /// Take the adapters out of the weights that they were merged into, instead
    #[arg(long, requires = "adapter")]
    unmerge: bool,
}

impl Convert {
    pub fn run(self, context: &Context) -> Result<()> {
        if self.target.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gguf")) {
            self.write_gguf(context)?;
        } else {
            self.write_folder(context)?;
        }
        let digest = checkpoint::digest(&self.target)?;
        if context.common.json {
            let path = self.target.display().to_string();
            return context.print(serde_json::json!({"model": path, "sha256": digest}).to_string());
        }
        context.print(format!("model  {}  (sha256 {digest})", self.target.display()))
    }

    fn model(&self, context: &Context) -> Result<LanguageModel> {
        let mut model = context.model(&self.source)?;
        if let Some(folder) = &self.adapter {
            peft::read(folder, &model.decoder, &mut model.parameters)?;
            let combine = if self.unmerge { unmerged } else { merged };
            model.parameters = combine(&model.decoder, &model.parameters);
        }
        Ok(model)
    }

    fn write_folder(&self, context: &Context) -> Result<()> {
        let precision = self.dtype.as_deref().map(|name| match Precision::by_name(name) {
            Some(precision) => Ok(precision),
            None if TensorKind::writable_by_name(name).is_some() => {
                let hint = format!("known: {PLAIN}; for `{name}` give a target that ends in `.gguf`");
                Err(Refusal::new(format!("a model folder cannot hold the number format `{name}`"), hint))
            }
            None => Err(unknown(name, PLAIN)),
        });
        let precision = precision.transpose()?;
        if !RunFolder::new(&self.target).is_free() {
            return Err(exists(&self.target, "folder").into());
        }
        let mut model = self.model(context)?;
        if let Some(precision) = precision {
            model.source.set_precision(precision);
        }
        Ok(model.save(&self.target)?)
    }

    fn write_gguf(&self, context: &Context) -> Result<()> {
        let kind = self.dtype.as_deref().map(|name| kind_by_name(name).ok_or_else(|| unknown(name, &writable())));
        let kind = kind.transpose()?;
        if self.target.symlink_metadata().is_ok() {
            return Err(exists(&self.target, "file").into());
        }
        let model = self.model(context)?;
        let notes = model.save_gguf(&self.target, kind.unwrap_or_else(|| own_kind(&model)))?;
        notes.iter().for_each(|note| context.say(format!("note: {note}")));
        Ok(())
    }
}

/// A type of GGUF by the names of all formats, those of folders included.
fn kind_by_name(name: &str) -> Option<TensorKind> {
    Precision::by_name(name).map(kind_of).or_else(|| TensorKind::writable_by_name(name))
}

fn kind_of(precision: Precision) -> TensorKind {
    match precision {
        Precision::F32 => TensorKind::F32,
        Precision::F16 => TensorKind::F16,
        Precision::Bf16 => TensorKind::BF16,
    }
}

fn own_kind(model: &LanguageModel) -> TensorKind {
    model.common_precision().map_or(TensorKind::F16, kind_of)
}

fn writable() -> String {
    let quantised = TensorKind::writable().map(|kind| kind.name().to_lowercase()).filter(|name| name.starts_with('q'));
    [PLAIN.to_owned()].into_iter().chain(quantised).collect::<Vec<_>>().join(", ")
}

fn unknown(name: &str, known: &str) -> Refusal {
    Refusal::new(format!("unknown number format `{name}`"), format!("known: {known}"))
}

fn exists(target: &Path, what: &str) -> Refusal {
    Refusal::new(format!("`{}` already exists", target.display()), format!("choose a {what} that does not exist"))
}
