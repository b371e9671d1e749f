//! `unlearn inspect`

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use serde_json::json;
use unlearn_engine::checkpoint;

use crate::context::Context;

#[derive(Debug, Args)]
pub struct Inspect {
    /// A Hugging Face folder or a GGUF file
    #[arg(value_name = "DIR")]
    model: PathBuf,
    /// List every tensor
    #[arg(long)]
    tensors: bool,
}

impl Inspect {
    pub fn run(self, context: &Context) -> Result<()> {
        let model = context.model(&self.model)?;
        let config = model.decoder.config();
        let count = model.parameters.count();
        // Master copies, their gradients and two moments, all float32; activations come on top.
        let training = 16 * count;
        let family = model.source.config["model_type"].as_str().unwrap_or_default().to_owned();
        let precision = model.parameters.specs().first().map(|s| model.source.precision_of(&s.name));
        let tensors: Vec<_> = model
            .parameters
            .specs()
            .iter()
            .map(|s| json!({"name": s.name, "shape": s.disk_shape(), "dtype": model.source.precision_of(&s.name)}))
            .collect();
        let facts = json!({
            "path": self.model.display().to_string(),
            "sha256": checkpoint::digest(&self.model)?,
            "family": family,
            "parameters": count,
            "dtype": precision,
            "layers": config.layers.len(),
            "hidden_size": config.hidden_size,
            "intermediate_size": config.intermediate_size,
            "heads": config.heads,
            "kv_heads": config.kv_heads,
            "head_dim": config.head_dim,
            "vocab_size": config.vocab_size,
            "context": config.context,
            "tied_head": config.tied_head,
            "tokenizer": model.tokenizer.as_ref().map(unlearn_data::Tokenizer::vocabulary),
            "chat_template": model.template.is_some(),
            "training_bytes": training,
            "tensors": if self.tensors { Some(tensors) } else { None },
        });
        if context.common.json {
            return context.print(serde_json::to_string_pretty(&facts)?);
        }
        for (name, value) in facts.as_object().into_iter().flatten().filter(|(n, v)| !v.is_null() && *n != "tensors") {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            context.print(format!("{name:18} {value}"))?;
        }
        for tensor in facts["tensors"].as_array().into_iter().flatten() {
            let (name, shape) = (tensor["name"].as_str().unwrap_or_default(), tensor["shape"].to_string());
            context.print(format!("{name:60} {shape:>16} {}", tensor["dtype"].as_str().unwrap_or_default()))?;
        }
        Ok(())
    }
}
