//! What a template may cost. It comes with a checkpoint and is not trusted, and a template can loop, recurse and double.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use minijinja::value::{Kwargs, ValueKind};
use minijinja::{Error, ErrorKind, State, Value};
use minijinja_contrib::pycompat;

use crate::Message;

/// The longest template, in bytes; known ones stay below 20 kB. The engine parses by recursion, down to one level for
/// each byte.
pub(super) const LONGEST: usize = 64 << 10;
/// Enough for the recursion that [`LONGEST`] and the fuel allow: up to 470 bytes for each level, measured.
const STACK: usize = 256 << 20;
/// Values that share parts are compared and printed part by part, which the engine charges too late. A rendering takes
/// some milliseconds.
const DEADLINE: Duration = Duration::from_secs(5);

/// Steps that every rendering gets: a step is one instruction or 64 bytes made. Known templates take some hundred a
/// message.
const FUEL: u64 = 100_000;
/// Steps for each message on top.
const FUEL_PER_MESSAGE: u64 = 1_000;
/// Bytes of the conversation that bring one step more.
const BYTES_PER_FUEL: u64 = 4;

/// Steps that rendering a conversation may take.
pub(super) fn fuel(messages: &[Message]) -> u64 {
    let bytes: usize = messages.iter().map(|m| m.role.len() + m.content.len()).sum();
    FUEL + FUEL_PER_MESSAGE * messages.len() as u64 + bytes as u64 / BYTES_PER_FUEL
}

/// The deadline is waited for in so many parts: where the whole process stood still for a while, one of them has passed.
const PARTS: u32 = 50;

type Work = Box<dyn FnOnce() + Send>;

/// Threads with a large stack that wait for work. They are never joined or detached: glibc reads a detached thread's
/// record once more, which lies on its stack, and a large stack goes back to the system as soon as its thread ends.
static IDLE: Mutex<Vec<Sender<Work>>> = Mutex::new(Vec::new());

fn idle() -> MutexGuard<'static, Vec<Sender<Work>>> {
    IDLE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn worker() -> Result<Sender<Work>, String> {
    let (sender, receiver) = mpsc::channel::<Work>();
    let run = move || receiver.into_iter().for_each(|work| work());
    let spawned = thread::Builder::new().stack_size(STACK).spawn(run);
    std::mem::forget(spawned.map_err(|e| format!("no thread could be started: {e}"))?);
    Ok(sender)
}

/// Runs a rendering on a large stack and waits for it; what does not end is left behind.
pub(super) fn within<T: Send + 'static>(render: impl FnOnce() -> T + Send + 'static) -> Result<T, String> {
    let waiting = idle().pop();
    let worker = waiting.map_or_else(worker, Ok)?;
    let (sender, receiver) = mpsc::channel();
    let work = move || drop(sender.send(catch_unwind(AssertUnwindSafe(render))));
    let failed = || "the template engine failed".to_owned();
    worker.send(Box::new(work)).map_err(|_| failed())?;
    for _ in 0..PARTS {
        match receiver.recv_timeout(DEADLINE / PARTS) {
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Err(failed()),
            Ok(rendered) => {
                idle().push(worker);
                return rendered.map_err(|_| failed());
            }
        }
    }
    Err(format!("it did not end within {} seconds", DEADLINE.as_secs()))
}

/// Python's methods of texts, lists and maps. Those that make texts of unlimited size of their arguments, before the
/// engine charges for it, take what Python takes at most.
pub(super) fn method(state: &mut State, value: &Value, name: &str, args: &[Value]) -> Result<Value, Error> {
    if let (Some(text), true) = (value.as_str(), matches!(name, "format" | "join")) {
        let parts = parts(name, args)?;
        let longest = parts.iter().map(|part| part.as_str().map_or(32, str::len)).max().unwrap_or(0);
        let fields = if name == "format" { text.matches('{').count() } else { 0 };
        let bytes = widths(text).saturating_add((fields as u64).saturating_mul(longest as u64));
        state.consume_fuel(bytes / 64)?;
    }
    pycompat::unknown_method_callback(state, value, name, args)
}

/// The values that are put together, which must not hold others.
fn parts(method: &str, args: &[Value]) -> Result<Vec<Value>, Error> {
    let mut parts = Vec::new();
    for arg in args {
        if arg.is_kwargs() {
            let named = Kwargs::try_from(arg.clone())?;
            for name in named.args() {
                parts.push(named.peek::<Value>(name)?);
            }
        } else if method == "join" && matches!(arg.kind(), ValueKind::Seq | ValueKind::Iterable) {
            parts.extend(arg.try_iter()?);
        } else {
            parts.push(arg.clone());
        }
    }
    match parts.iter().find(|part| part.as_object().is_some()) {
        Some(part) => {
            let reason = format!("`{method}` takes texts and numbers, not a {}", part.kind());
            Err(Error::new(ErrorKind::InvalidOperation, reason))
        }
        None => Ok(parts),
    }
}

/// The sum of all numbers in a format: more than its widths and precisions ask for.
fn widths(format: &str) -> u64 {
    let numbers = format.split(|c: char| !c.is_ascii_digit()).filter(|digits| !digits.is_empty());
    numbers.map(|digits| digits.parse().unwrap_or(u64::MAX)).fold(0, u64::saturating_add)
}

/// The time, in a form that the template chooses.
pub(super) fn now(format: &str) -> Result<String, Error> {
    let refused = |e: jiff::Error| Error::new(ErrorKind::InvalidOperation, format!("`strftime_now`: {e}"));
    jiff::fmt::strtime::format(format, &jiff::Zoned::now()).map_err(refused)
}
