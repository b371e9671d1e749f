//! The commands: one file each, one line in `Command` and one here.

mod alternates;
pub mod attack;
mod attacked;
pub mod bench_metrics;
pub mod chat;
pub mod config;
pub mod convert;
pub mod demo;
mod demo_world;
mod edit;
pub mod eval;
mod examine;
pub mod generate;
mod guard;
pub mod inspect;
pub mod list;
mod plan;
mod prepared;
pub mod pull;
pub mod report;
pub mod run;
pub mod score;
pub mod series;
mod sets;
mod shadows;
mod shared;
mod summary;
pub mod sweep;
pub mod train;
mod training;
mod watched;

use anyhow::Result;
use unlearn_engine::device;

use crate::cli::{Cli, Command};
use crate::context::Context;

/// Runs the command that was asked for.
pub fn dispatch(cli: Cli) -> Result<()> {
    let context = Context::new(cli.common)?;
    // `--set` is for every command: a field that does not exist is refused even where the recipe has no part.
    sets::recipe(&context, None, Vec::new())?;
    // Where it runs on one of the threads that compute, it need not be woken after each operation.
    device::among_threads(|| run(cli.command, &context))
}

fn run(command: Command, context: &Context) -> Result<()> {
    match command {
        Command::Demo(c) => c.run(context),
        Command::Train(c) => c.run(context),
        Command::Run(c) => c.run(context),
        Command::Sweep(c) => c.run(context),
        Command::Eval(c) => c.run(context),
        Command::Series(c) => c.run(context),
        Command::Attack(c) => c.run(context),
        Command::BenchMetrics(c) => c.run(context),
        Command::Report(c) => c.run(context),
        Command::Generate(c) => c.run(context),
        Command::Score(c) => c.run(context),
        Command::Chat(c) => c.run(context),
        Command::Convert(c) => c.run(context),
        Command::Inspect(c) => c.run(context),
        Command::Pull(c) => c.run(context),
        Command::Methods(c) => list::methods(&c, context),
        Command::Metrics(c) => list::metrics(&c, context),
        Command::Benchmarks(c) => list::benchmarks(&c, context),
        Command::Attacks(c) => list::attacks(&c, context),
        Command::Families(c) => list::families(&c, context),
        Command::Config(c) => c.run(context),
    }
}
