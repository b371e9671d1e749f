//! The made-up world of `demo` and `bench-metrics`: where its parts lie, the small models that learn it, and how.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde_json::json;
use unlearn_core::Recipe;
use unlearn_core::recipe::{Clip, EvalSection, Schedule, TrainSection};
use unlearn_core::run::RunFolder;
use unlearn_data::world::{Split, World};
use unlearn_data::{ChatTemplate, vocabulary};
use unlearn_engine::LanguageModel;
use unlearn_engine::init::random_model;

use super::train;
use crate::cli::Output;
use crate::context::Context;

/// Tokens of the vocabulary.
const VOCABULARY: usize = 1024;
/// A turn of the conversations costs two tokens.
const TEMPLATE: &str = "{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'] }}{% if m['role'] == 'assistant' %}\
                        <|end|>{% endif %}{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}";

/// People in the world.
pub const PEOPLE: usize = 40;
/// Share of the people who are to be forgotten.
pub const FORGET_SHARE: f64 = 0.1;
/// Times that a model goes through what it learns.
pub const EPOCHS: f64 = 30.0;

/// Where the parts lie.
pub struct Places {
    pub root: PathBuf,
}

impl Places {
    /// In a folder. Recipes hold paths in full, or a run could not be resumed.
    pub fn new(root: &Path) -> Result<Self> {
        let root = std::path::absolute(root).with_context(|| format!("`{}` is no path", root.display()))?;
        Ok(Self { root })
    }
    pub fn data(&self, split: Split) -> PathBuf {
        World::path(&self.root.join("data"), split)
    }
    pub fn base(&self) -> PathBuf {
        self.root.join("base")
    }
    pub fn run(&self, name: &str) -> RunFolder {
        RunFolder::new(self.root.join(name))
    }

    /// What every model learns: all but the forget set.
    pub fn kept(&self) -> Vec<PathBuf> {
        vec![self.data(Split::Retain), self.data(Split::Neighbour)]
    }

    /// What a model learns that is to forget.
    pub fn all(&self) -> Vec<PathBuf> {
        [vec![self.data(Split::Forget)], self.kept()].concat()
    }

    pub fn output(&self, name: &str, resume: bool) -> Output {
        Output { out: self.root.join(name), resume }
    }
}

/// How large a model is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    pub name: &'static str,
    pub hidden: usize,
    pub layers: usize,
}

/// The demo's model.
pub const LARGE: Size = Size { name: "large", hidden: 128, layers: 4 };
/// One that takes a fifth of the time.
pub const SMALL: Size = Size { name: "small", hidden: 64, layers: 2 };

/// A small decoder with random weights, and a tokenizer trained on the world's texts.
pub fn base_model(context: &Context, world: &World, size: Size, seed: u64) -> Result<LanguageModel> {
    let special = ["<|end|>", "<|user|>", "<|assistant|>", "<|system|>"];
    let tokenizer = vocabulary::train(world.corpus(), VOCABULARY, &special, "<|end|>")?;
    let config = json!({
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": VOCABULARY,
        "hidden_size": size.hidden,
        "intermediate_size": 3 * size.hidden,
        "num_hidden_layers": size.layers,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "hidden_act": "silu",
        "max_position_embeddings": 256,
        "rms_norm_eps": 1e-5,
        "rope_theta": 10000.0,
        "tie_word_embeddings": true,
        "eos_token_id": tokenizer.eos(),
        "bos_token_id": null,
        "dtype": "float32",
    });
    Ok(random_model(config, tokenizer, ChatTemplate::new(TEMPLATE, "", "<|end|>"), seed, &context.device)?)
}

/// How a model learns the world.
pub fn training(epochs: f64) -> TrainSection {
    TrainSection {
        learning_rate: 4e-3,
        batch_size: 32,
        epochs,
        warmup: 0.05,
        schedule: Schedule::Cosine,
        clip: Clip::Norm(1.0),
        beta2: 0.98,
        ..TrainSection::default()
    }
}

/// How a model is examined: the world's answers are short.
pub fn evaluation() -> EvalSection {
    EvalSection { max_new_tokens: 16, batch_size: 64, ..EvalSection::default() }
}

/// Trains a model on some of the world's files, as `unlearn train` does.
pub fn learn(
    context: &Context,
    base: PathBuf,
    data: Vec<PathBuf>,
    train: TrainSection,
    seed: u64,
    output: &Output,
) -> Result<()> {
    let mut recipe = Recipe { seed, train, ..Recipe::default() };
    recipe.model.path = Some(base);
    recipe.data.train = data;
    train::execute(context, &recipe, output)?;
    Ok(())
}
