//! Errors as the user sees them: `error`, `caused by`, `hint`, and the exit status.

use std::any::Any;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Error;
use unlearn_core::{FileError, RecipeError, UnknownName};
use unlearn_data::DataError;
use unlearn_data::world::WorldError;
use unlearn_engine::EngineError;
use unlearn_eval::EvalError;
use unlearn_eval::benchmarks::BenchmarkError;
use unlearn_hub::{HubError, Repository, Settings};
use unlearn_methods::MethodError;
use unlearn_report::ReportError;

/// An error of the program itself, with its hint.
#[derive(Debug)]
pub struct Refusal {
    message: String,
    hint: String,
}

impl Refusal {
    /// An error with a hint.
    pub fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { message: message.into(), hint: hint.into() }
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Refusal {}

/// Something that ran to its end and failed: exit status 1.
#[derive(Debug)]
pub struct Failed(Refusal);

impl Failed {
    /// A failure with a hint.
    pub fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self(Refusal::new(message, hint))
    }
}

impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Failed {}

/// Prints an error; the exit status is 130 for an interruption, 1 for what ran and failed, and 2 for everything else.
pub fn report(error: &Error) -> ExitCode {
    if broken_pipe(error) {
        return ExitCode::SUCCESS;
    }
    eprintln!("error: {error}");
    let mut last = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !last.contains(&cause) {
            eprintln!("caused by: {}", cause.trim_end());
        }
        last = cause;
    }
    if let Some(hint) = error.chain().find_map(hint) {
        eprintln!("hint: {hint}");
    }
    let training = matches!(error.downcast_ref(), Some(EngineError::Interrupted { .. }));
    let fetching = matches!(error.downcast_ref(), Some(HubError::Interrupted));
    ExitCode::from(match error.is::<Failed>() {
        true => 1,
        false if training || fetching => 130,
        false => 2,
    })
}

/// Prints a panic, which is a mistake in this program or a tensor operation that could not be done.
pub fn report_panic(panic: &(dyn Any + Send)) -> ExitCode {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    eprintln!("error: the program failed: {}", text.unwrap_or("no message").trim());
    eprintln!("hint: this is a mistake in `unlearn`; please report it with the command and `RUST_BACKTRACE=1`");
    ExitCode::from(2)
}

fn broken_pipe(error: &Error) -> bool {
    let io = error.chain().find_map(|e| e.downcast_ref::<std::io::Error>());
    io.is_some_and(|e| e.kind() == std::io::ErrorKind::BrokenPipe)
}

fn hint(error: &(dyn std::error::Error + 'static)) -> Option<String> {
    if let Some(e) = error.downcast_ref::<Refusal>() {
        return Some(e.hint.clone());
    }
    if let Some(e) = error.downcast_ref::<Failed>() {
        return Some(e.0.hint.clone());
    }
    if let Some(e) = error.downcast_ref::<UnknownName>() {
        return Some(e.hint());
    }
    if let Some(EngineError::Checkpoint { path, .. }) = error.downcast_ref()
        && let Some(hint) = in_the_cache(path)
    {
        return Some(hint);
    }
    macro_rules! try_hint {
        ($($kind:ty),+) => {
            $(if let Some(e) = error.downcast_ref::<$kind>() { return e.hint(); })+
        };
    }
    try_hint!(
        EvalError,
        BenchmarkError,
        MethodError,
        EngineError,
        DataError,
        RecipeError,
        ReportError,
        HubError,
        FileError
    );
    if let Some(e) = error.downcast_ref::<WorldError>() {
        return Some(e.hint());
    }
    None
}

/// A model's path that is no path, but the name of a repository that was fetched before.
fn in_the_cache(path: &Path) -> Option<String> {
    let repository: Repository = path.to_str().filter(|_| !path.exists())?.parse().ok()?;
    let cached = Settings::from_env().is_ok_and(|s| s.cache.holds(&repository));
    cached.then(|| format!("`unlearn pull {repository}` prints the folder of the copy in the cache; give that"))
}
