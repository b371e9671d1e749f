//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::commands::{
    attack, bench_metrics, chat, config, convert, demo, eval, generate, inspect, list, pull, report, run, score,
    series, sweep, train,
};

/// Makes a language model forget what it is told to forget, keeps the rest, and proves both.
#[derive(Debug, Parser)]
#[command(name = "unlearn", version, arg_required_else_help = true, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
    #[command(flatten)]
    pub common: Common,
}

/// Options that every command takes.
#[derive(Debug, Clone, Args)]
pub struct Common {
    /// Set one field of the recipe, e.g. `train.learning_rate=2e-5`; may be repeated
    #[arg(long = "set", value_name = "FIELD=VALUE", global = true, help_heading = "Everywhere")]
    pub set: Vec<String>,
    /// The one seed
    #[arg(long, value_name = "N", global = true, help_heading = "Everywhere")]
    pub seed: Option<u64>,
    /// Where to compute: `cpu`; `cpu-composed`, the same by the tensor library's own operations, slower; `cuda` or `cuda:N`
    /// where the program was built for NVIDIA's cards
    #[arg(long, value_name = "NAME", default_value = "cpu", global = true, help_heading = "Everywhere")]
    pub device: String,
    /// Threads that compute; 0: one for each core
    #[arg(long, value_name = "N", default_value_t = 0, global = true, help_heading = "Everywhere")]
    pub threads: usize,
    /// Precision of products of matrices: `float32`, or `bfloat16`, faster where the processor has them
    #[arg(long, value_name = "NAME", global = true, help_heading = "Everywhere")]
    pub precision: Option<String>,
    /// Print data as JSON on stdout, and nothing else there
    #[arg(long, global = true, help_heading = "Everywhere")]
    pub json: bool,
    /// No progress, no talk
    #[arg(long, short, global = true, help_heading = "Everywhere")]
    pub quiet: bool,
}

/// The commands, each in a file of its own.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Everything end to end on a made-up world, in minutes
    Demo(demo::Demo),
    /// Fine-tune a model: makes a target, or the model that never saw the forget set
    Train(train::Train),
    /// Make a model forget
    Run(run::Run),
    /// Make a model forget in several ways: a run for every combination of some fields' values
    Sweep(sweep::Sweep),
    /// Take the metrics of a model
    Eval(eval::Eval),
    /// Examine several checkpoints in the same way: how the scores go as more is forgotten
    Series(series::Series),
    /// Try to bring back what a model was made to forget
    Attack(attack::Attack),
    /// Measure the metrics: how well each tells models that know the forget set from models that never saw it
    BenchMetrics(bench_metrics::BenchMetrics),
    /// Write the report of one run, or of several side by side
    Report(report::Report),
    /// Answer prompts
    Generate(generate::Generate),
    /// Print the log-probability of each token of each row
    Score(score::Score),
    /// Talk to a model
    Chat(chat::Chat),
    /// Turn a checkpoint (a GGUF file, another number format) into a Hugging Face folder
    Convert(convert::Convert),
    /// Say what a checkpoint holds
    Inspect(inspect::Inspect),
    /// Fetch a model from the Hugging Face Hub into the cache, and print its folder
    Pull(pull::Pull),
    /// List the methods, or show the page of one
    Methods(list::List),
    /// List the metrics, or show the page of one
    Metrics(list::List),
    /// List the benchmarks, or show the page of one
    Benchmarks(list::List),
    /// List the attacks, or show the page of one
    Attacks(list::List),
    /// List the families of models that can be read
    Families(list::List),
    /// Show a recipe with every default filled in
    Config(config::Config),
}

/// What is trained, and in how much memory.
#[derive(Debug, Clone, Default, Args)]
pub struct Training {
    /// Train low-rank adapters beside the weights (`lora`), or the weights themselves (`none`)
    #[arg(long, value_name = "KIND")]
    pub adapter: Option<String>,
    /// Layers to train, counted from 0, as `4-7` or `0,3`
    #[arg(long, value_name = "RANGE")]
    pub layers: Option<String>,
    /// Memory that the run may take, as `4GB`
    #[arg(long, value_name = "SIZE")]
    pub max_memory: Option<String>,
    /// Check everything, print what would be done and what it would take, and write nothing
    #[arg(long)]
    pub dry_run: bool,
}

impl Training {
    /// The flags as assignments of recipe fields.
    pub fn assignments(&self) -> Vec<String> {
        let fields = [("adapter", &self.adapter), ("layers", &self.layers), ("max_memory", &self.max_memory)];
        let given = fields.into_iter().filter_map(|(field, value)| value.as_ref().map(|v| (field, v)));
        given.map(|(field, v)| format!("train.{field}={}", toml::Value::String(v.clone()))).collect()
    }
}

/// `--out` and `--resume`, for commands that leave a run folder.
#[derive(Debug, Clone, Args)]
pub struct Output {
    /// The run folder to write; it must not hold another run
    #[arg(long, value_name = "RUN")]
    pub out: PathBuf,
    /// Go on with the run in this folder, if it was interrupted
    #[arg(long)]
    pub resume: bool,
}
