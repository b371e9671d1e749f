//! `unlearn inspect`

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use serde_json::{Map, Value, json};
use unlearn_core::recipe::{AdapterKind, Frozen, TrainSection};
use unlearn_engine::train::{Memory, RowSizes, Selection};
use unlearn_engine::{Decoder, LanguageModel, Loading, checkpoint};

use crate::context::Context;

#[derive(Debug, Args)]
pub struct Inspect {
    /// A Hugging Face folder or a GGUF file
    #[arg(value_name = "DIR")]
    model: PathBuf,
    /// List every tensor
    #[arg(long)]
    tensors: bool,
    /// Tokens of a micro-batch, for the memory that training takes
    #[arg(long, value_name = "N", default_value_t = 2048)]
    micro_tokens: usize,
    /// Tokens of a row, for the same
    #[arg(long, value_name = "N", default_value_t = 128)]
    row_tokens: usize,
}

impl Inspect {
    pub fn run(self, context: &Context) -> Result<()> {
        // Kept as it is stored: a model may be looked at that is too large to be trained whole.
        let model = LanguageModel::load(&self.model, Loading::Packed(Frozen::Own), &context.device)?;
        let config = model.decoder.config();
        let count = model.parameters.count();
        let own = checkpoint::bytes_per_value(&self.model)?;
        let modes = modes(&model.decoder, own, self.micro_tokens, self.row_tokens)?;
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
            "guard": model.guard.as_ref().map(|_| "stands before the weights, which it leaves as they are"),
            "training_bytes": modes,
            "tensors": if self.tensors { Some(tensors) } else { None },
        });
        if context.common.json {
            return context.print(serde_json::to_string_pretty(&facts)?);
        }
        let apart = ["tensors", "training_bytes"];
        for (name, value) in
            facts.as_object().into_iter().flatten().filter(|(n, v)| !v.is_null() && !apart.contains(&n.as_str()))
        {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            context.print(format!("{name:18} {value}"))?;
        }
        let (tokens, row) = (self.micro_tokens, self.row_tokens);
        context
            .print(format!("training memory    (micro-batches of {tokens} tokens, rows of {row}, half supervised)"))?;
        for (name, bytes) in facts["training_bytes"].as_object().into_iter().flatten() {
            context.print(format!("  {name:44} {:6.2} GB", bytes.as_f64().unwrap_or_default() / 1e9))?;
        }
        for tensor in facts["tensors"].as_array().into_iter().flatten() {
            let (name, shape) = (tensor["name"].as_str().unwrap_or_default(), tensor["shape"].to_string());
            context.print(format!("{name:60} {shape:>16} {}", tensor["dtype"].as_str().unwrap_or_default()))?;
        }
        Ok(())
    }
}

/// Bytes that training takes, by what is trained and how.
fn modes(decoder: &Decoder, own: f64, micro_tokens: usize, row_tokens: usize) -> Result<Map<String, Value>> {
    let whole = TrainSection::default();
    let lora = TrainSection { adapter: AdapterKind::Lora, ..whole.clone() };
    let (half, eight) = (Frozen::Own, Frozen::Q8);
    let modes = [
        ("all weights", whole.clone(), half, false),
        ("all weights, gradient checkpointing", whole, half, true),
        ("adapters (rank 16)", lora.clone(), half, false),
        ("adapters, gradient checkpointing", lora.clone(), half, true),
        ("adapters, gradient checkpointing, frozen q8", lora, eight, true),
    ];
    let rows = RowSizes { longest: row_tokens, supervised: 0.5 };
    let mode = |(name, train, frozen, gradient_checkpointing): (&str, TrainSection, Frozen, bool)| {
        let train = TrainSection { frozen, gradient_checkpointing, ..train };
        let memory = Memory::of(decoder, &Selection::new(&train, decoder)?, &train, own, rows);
        Ok((name.to_owned(), json!(memory.total(micro_tokens).round())))
    };
    modes.into_iter().map(mode).collect()
}
