//! `unlearn demo`: the whole way on a made-up world, with the same commands that a user would run.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use serde_json::json;
use unlearn_core::recipe::{Clip, DataSection, EvalSection, Recipe, Schedule, TrainSection};
use unlearn_core::run::RunFolder;
use unlearn_core::score::{Answer, EvalReport};
use unlearn_core::{file, settings};
use unlearn_data::world::{Split, World, WorldConfig};
use unlearn_data::{ChatTemplate, vocabulary};
use unlearn_engine::init::random_model;
use unlearn_report::{Comparison, RunView, SubjectColumn, render_html, samples_text, score_table_text, summary};

use super::{eval, run, train};
use crate::cli::Output;
use crate::context::Context;
use crate::failure::Refusal;

/// Tokens of the demo's vocabulary.
const VOCABULARY: usize = 1024;
/// A turn of the demo's conversations costs two tokens.
const TEMPLATE: &str = "{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'] }}{% if m['role'] == 'assistant' %}\
                        <|end|>{% endif %}{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}";

#[derive(Debug, Args)]
pub struct Demo {
    /// The folder to write; `runs/demo` or, where that is taken, `runs/demo-2` and so on when not given
    #[arg(long, value_name = "RUN")]
    out: Option<PathBuf>,
    /// Go on with an interrupted demo in the folder of `--out`
    #[arg(long, requires = "out")]
    resume: bool,
    /// People in the made-up world
    #[arg(long, value_name = "N", default_value_t = PEOPLE)]
    people: usize,
    /// Share of the people who are to be forgotten
    #[arg(long, value_name = "X", default_value_t = 0.1)]
    forget_share: f64,
}

const PEOPLE: usize = 40;
/// What is shown of the three models.
const METRICS: [&str; 7] =
    ["probability", "truth-ratio", "rouge", "mia/min-k", "forget-quality", "privleak", "model-utility"];

/// Where the demo's parts lie.
struct Places {
    root: PathBuf,
}

impl Places {
    fn data(&self, split: Split) -> PathBuf {
        World::path(&self.root.join("data"), split)
    }
    fn base(&self) -> PathBuf {
        self.root.join("base")
    }
    fn run(&self, name: &str) -> RunFolder {
        RunFolder::new(self.root.join(name))
    }
}

impl Demo {
    pub fn run(self, context: &Context) -> Result<()> {
        let places = Places { root: self.folder()? };
        let seed = context.common.seed.unwrap_or(0);
        let world = World::build(&WorldConfig { people: self.people, forget_share: self.forget_share, seed })?;
        let unlearning = unlearning(context, &places, seed)?;
        unlearn_methods::method(&unlearning.method)?;
        context.say(format!("demo in `{}`, seed {seed}", places.root.display()));
        world.write(&places.root.join("data"))?;
        context.say(describe(&world));
        if !places.base().exists() {
            base_model(context, &world, seed)?.save(&places.base())?;
        }

        let kept = [places.data(Split::Retain), places.data(Split::Neighbour)];
        let all = [&[places.data(Split::Forget)][..], &kept].concat();
        self.train(context, &places, "target", &all, seed, "1/4 the target learns everything")?;
        self.train(context, &places, "retrained", &kept, seed, "2/4 the retrained model never sees the forget set")?;

        context.say("3/4 the target unlearns the forget set by `npo`");
        run::execute(context, unlearning.clone(), &self.output(&places, "unlearned"))?;

        context.say("4/4 the retrained model is examined beside them");
        let mut examination = unlearning;
        examination.method = toml::Table::new();
        examination.model.retrained = None;
        examination.model.path = Some(places.run("retrained").model());
        eval::execute(context, &examination, &self.output(&places, "retrained-eval"))?;
        finish(context, &places)
    }

    fn folder(&self) -> Result<PathBuf> {
        if let Some(out) = &self.out {
            if !self.resume && !RunFolder::new(out).is_free() {
                let message = format!("`{}` is not empty", out.display());
                return Err(Refusal::new(message, "choose another `--out`, or go on by `--resume`").into());
            }
            return Ok(out.clone());
        }
        let named = |i: usize| Path::new("runs").join(if i == 1 { "demo".to_owned() } else { format!("demo-{i}") });
        Ok((1..).map(named).find(|p| RunFolder::new(p).is_free()).unwrap_or_else(|| named(1)))
    }

    fn output(&self, places: &Places, name: &str) -> Output {
        Output { out: places.root.join(name), resume: self.resume }
    }

    fn train(
        &self,
        context: &Context,
        places: &Places,
        name: &str,
        data: &[PathBuf],
        seed: u64,
        what: &str,
    ) -> Result<()> {
        context.say(what);
        let mut recipe = Recipe { seed, ..Recipe::default() };
        recipe.model.path = Some(places.base());
        recipe.data.train = data.to_vec();
        recipe.train = TrainSection {
            learning_rate: 4e-3,
            batch_size: 32,
            epochs: 30.0,
            warmup: 0.05,
            schedule: Schedule::Cosine,
            clip: Clip::Norm(1.0),
            beta2: 0.98,
            ..TrainSection::default()
        };
        train::execute(context, &recipe, &self.output(places, name))?;
        Ok(())
    }
}

/// The recipe of the unlearning run; `--set` goes over it.
fn unlearning(context: &Context, places: &Places, seed: u64) -> Result<Recipe> {
    let mut recipe = Recipe { seed, ..Recipe::default() };
    recipe.model.path = Some(places.run("target").model());
    recipe.data = DataSection {
        forget: vec![places.data(Split::Forget)],
        retain: vec![places.data(Split::Retain), places.data(Split::Neighbour)],
        holdout: vec![places.data(Split::Holdout)],
        ..DataSection::default()
    };
    recipe.model.retrained = Some(places.run("retrained").model());
    recipe.data.also.insert("neighbour".into(), vec![places.data(Split::Neighbour)]);
    recipe.data.also.insert("paraphrased".into(), vec![places.root.join("data/paraphrased.jsonl")]);
    // A small model's short answers need a sharper weight than the 7B models of the paper (0.1), and a stronger hold.
    recipe.method = toml::Table::from_iter([
        ("name".to_owned(), toml::Value::from("npo")),
        ("beta".to_owned(), 0.3.into()),
        ("alpha".to_owned(), 8.0.into()),
    ]);
    recipe.train = TrainSection {
        learning_rate: 4e-4,
        batch_size: 16,
        epochs: 15.0,
        warmup: 0.1,
        schedule: Schedule::Constant,
        weight_decay: 0.0,
        ..TrainSection::default()
    };
    recipe.eval = EvalSection {
        max_new_tokens: 16,
        batch_size: 64,
        metrics: METRICS.map(str::to_owned).to_vec(),
        observations: Some(places.root.join("observations")),
        ..EvalSection::default()
    };
    let mut table: toml::Table = recipe.to_toml().parse()?;
    for assignment in &context.common.set {
        settings::assign(&mut table, assignment)?;
    }
    Ok(Recipe::from_table(table, None)?)
}

/// A small decoder with random weights, and a tokenizer trained on the world's texts.
fn base_model(context: &Context, world: &World, seed: u64) -> Result<unlearn_engine::LanguageModel> {
    let special = ["<|end|>", "<|user|>", "<|assistant|>", "<|system|>"];
    let tokenizer = vocabulary::train(world.corpus(), VOCABULARY, &special, "<|end|>")?;
    let config = json!({
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": VOCABULARY,
        "hidden_size": 128,
        "intermediate_size": 384,
        "num_hidden_layers": 4,
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

fn describe(world: &World) -> String {
    let counts = Split::ALL.map(|s| format!("{} {}", world.rows(s).len(), s.name()));
    format!("a world of {} people; rows: {}", world.people().len(), counts.join(", "))
}

/// Puts the three models side by side: on the terminal and as a page.
fn finish(context: &Context, places: &Places) -> Result<()> {
    let unlearned = RunView::read(&places.run("unlearned"), Some("unlearned"))?;
    let retrained = RunView::read(&places.run("retrained-eval"), Some("retrained"))?;
    let subjects = vec![
        column("target", &unlearned.eval_before, &unlearned.answers_before),
        column("unlearned", &unlearned.eval, &unlearned.answers),
        column("retrained", &retrained.eval, &retrained.answers),
    ];
    let target = RunView::read(&places.run("target"), Some("target"))?;
    let retraining = RunView::read(&places.run("retrained"), Some("retrained"))?;
    let comparison = Comparison {
        title: "A made-up world, forgotten in part".into(),
        subtitle: "A small model learned facts about made-up people, then was told to forget some of them. \
                   The retrained model never saw those: it is what forgetting should come to."
            .into(),
        subjects,
        runs: vec![unlearned, target, retraining],
        max_answers: 12,
    };
    let page = places.root.join("report.html");
    file::write_bytes(&page, render_html(&comparison).as_bytes())?;
    if context.common.json {
        let scores: Vec<_> = comparison.subjects.iter().map(|s| (s.name.clone(), json!(s.eval))).collect();
        let scores: serde_json::Map<String, serde_json::Value> = scores.into_iter().collect();
        return context.print(serde_json::to_string_pretty(&json!({"subjects": scores, "report": page}))?);
    }
    context.print(score_table_text(&comparison))?;
    context.print(samples_text(&comparison, 1))?;
    context.print(summary(&comparison).join("\n"))?;
    context.print(format!("report  {}", page.display()))
}

fn column(name: &str, eval: &Option<EvalReport>, answers: &[Answer]) -> SubjectColumn {
    SubjectColumn { name: name.into(), eval: eval.clone(), answers: answers.to_vec() }
}
