//! The `unlearn` program.

mod cli;
mod commands;
mod context;
mod failure;
mod job;
mod memory;
mod progress;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use clap::Parser;

use cli::Cli;

#[global_allocator]
static PAGES: memory::Pages = memory::Pages;

fn main() -> ExitCode {
    memory::keep();
    let cli = Cli::parse();
    if std::env::var_os("RUST_BACKTRACE").is_none() {
        // A panic is reported below, once and in the form of every other error.
        std::panic::set_hook(Box::new(|_| ()));
    }
    match catch_unwind(AssertUnwindSafe(|| commands::dispatch(cli))) {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(error)) => failure::report(&error),
        Err(panic) => failure::report_panic(panic.as_ref()),
    }
}
