//! `unlearn convert`

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use unlearn_core::run::RunFolder;
use unlearn_engine::{Precision, checkpoint};

use crate::context::Context;
use crate::failure::Refusal;

#[derive(Debug, Args)]
pub struct Convert {
    /// A Hugging Face folder or a GGUF file
    #[arg(value_name = "SRC")]
    source: PathBuf,
    /// The folder to write; it must not exist
    #[arg(value_name = "DIR")]
    target: PathBuf,
    /// The number format to save in: f32, f16 or bf16; the source's own when not given
    #[arg(long, value_name = "NAME")]
    dtype: Option<String>,
}

impl Convert {
    pub fn run(self, context: &Context) -> Result<()> {
        let precision = self.dtype.as_deref().map(|name| {
            let message = format!("unknown number format `{name}`");
            Precision::by_name(name).ok_or_else(|| Refusal::new(message, "known: f32, f16, bf16"))
        });
        let precision = precision.transpose()?;
        if !RunFolder::new(&self.target).is_free() {
            let message = format!("`{}` already exists", self.target.display());
            return Err(Refusal::new(message, "choose a folder that does not exist").into());
        }
        let mut model = context.model(&self.source)?;
        if let Some(precision) = precision {
            model.source.set_precision(precision);
        }
        model.save(&self.target)?;
        let digest = checkpoint::digest(&self.target)?;
        if context.common.json {
            let path = self.target.display().to_string();
            return context.print(serde_json::json!({"model": path, "sha256": digest}).to_string());
        }
        context.print(format!("model  {}  (sha256 {digest})", self.target.display()))
    }
}
