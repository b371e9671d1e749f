//! Several things at once, with talk to one listener, and a stop that does not wait for a silent server.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::HubError;

/// What is heard while something is fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// Bytes of all files that are to be fetched.
    Total(u64),
    /// Bytes of these that an earlier, interrupted pull had left.
    Had(u64),
    /// Bytes that have arrived.
    Got(u64),
    /// Bytes that had arrived and have to be fetched again.
    Lost(u64),
    /// A line for the user.
    Say(String),
}

/// What a thread at work holds: its way to the listener, and the signal to stop.
#[derive(Clone)]
pub(crate) struct Line {
    stop: Arc<AtomicBool>,
    notes: Sender<Note>,
}

impl Line {
    pub fn note(&self, note: Note) {
        // Nobody listens any more once the pull has failed elsewhere.
        let _ = self.notes.send(note);
    }

    pub fn say(&self, text: String) {
        self.note(Note::Say(text));
    }

    /// An error once the work is to stop.
    pub fn check(&self) -> Result<(), HubError> {
        if self.stop.load(Ordering::SeqCst) { Err(HubError::Interrupted) } else { Ok(()) }
    }

    /// Waits, unless the work is to stop.
    pub fn wait(&self, time: Duration) -> Result<(), HubError> {
        let end = Instant::now() + time;
        loop {
            self.check()?;
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            thread::sleep(left.min(Duration::from_millis(50)));
        }
    }
}

/// Does `work` on every item, on at most `threads` threads; results are in the order of the items.
///
/// # Errors
/// The first error, after the other threads were told to stop; [`HubError::Interrupted`] soon after `stop` is set, even
/// while a server is silent.
pub(crate) fn each<T, R>(
    items: Vec<T>,
    threads: usize,
    stop: &AtomicBool,
    watch: &mut dyn FnMut(Note),
    work: impl Fn(&T, &Line) -> Result<R, HubError> + Send + Sync + 'static,
) -> Result<Vec<R>, HubError>
where
    T: Send + 'static,
    R: Send + 'static,
{
    let count = items.len();
    let cancel = Arc::new(AtomicBool::new(false));
    let (notes, heard) = mpsc::channel();
    let (done, results) = mpsc::channel();
    let queue = Arc::new(Mutex::new(items.into_iter().enumerate().collect::<VecDeque<_>>()));
    let work = Arc::new(work);
    for _ in 0..threads.clamp(1, count.max(1)) {
        let line = Line { stop: Arc::clone(&cancel), notes: notes.clone() };
        let (queue, work, done) = (Arc::clone(&queue), Arc::clone(&work), done.clone());
        // Not a scoped thread: one that waits for a silent server is left behind when the user stops.
        thread::spawn(move || {
            let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            while let Some((at, item)) = next() {
                let result = line.check().and_then(|()| work(&item, &line));
                let failed = result.is_err();
                if done.send((at, result)).is_err() || failed {
                    return;
                }
            }
        });
    }
    drop((notes, done));
    let outcome = gather(count, stop, &results, &heard, watch);
    if outcome.is_err() {
        cancel.store(true, Ordering::SeqCst);
        wind_down(&results, &outcome);
    }
    heard.try_iter().for_each(watch);
    outcome
}

fn gather<R>(
    count: usize,
    stop: &AtomicBool,
    results: &Receiver<(usize, Result<R, HubError>)>,
    heard: &Receiver<Note>,
    watch: &mut dyn FnMut(Note),
) -> Result<Vec<R>, HubError> {
    let mut all: Vec<Option<R>> = (0..count).map(|_| None).collect();
    let mut left = count;
    while left > 0 {
        if stop.load(Ordering::SeqCst) {
            return Err(HubError::Interrupted);
        }
        heard.try_iter().for_each(&mut *watch);
        match results.recv_timeout(Duration::from_millis(50)) {
            Ok((at, result)) => {
                all[at] = Some(result?);
                left -= 1;
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => panic!("a thread that fetches has failed"),
        }
    }
    Ok(all.into_iter().flatten().collect())
}

/// Lets threads that still hear us end, so that nothing is written after the error is reported.
fn wind_down<R, S>(results: &Receiver<(usize, R)>, outcome: &Result<S, HubError>) {
    let patience = if matches!(outcome, Err(HubError::Interrupted)) { 300 } else { 2000 };
    let end = Instant::now() + Duration::from_millis(patience);
    while let Ok(_) | Err(RecvTimeoutError::Timeout) = results.recv_timeout(Duration::from_millis(20)) {
        if Instant::now() > end {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_in_order_and_notes_arrive() {
        let mut heard = Vec::new();
        let never = AtomicBool::new(false);
        let squares = each((0..20u64).collect(), 3, &never, &mut |n| heard.push(n), |n, line| {
            line.note(Note::Got(*n));
            Ok(n * n)
        });
        assert_eq!(squares.expect("no error"), (0..20).map(|n| n * n).collect::<Vec<_>>());
        assert_eq!(heard.len(), 20);
    }

    #[test]
    fn a_stop_does_not_wait_for_a_thread_that_hears_nothing() {
        let began = Instant::now();
        let stop = AtomicBool::new(true);
        let result = each(vec![()], 1, &stop, &mut |_| (), |(), _| {
            thread::sleep(Duration::from_secs(20));
            Ok(())
        });
        assert!(matches!(result, Err(HubError::Interrupted)));
        assert!(began.elapsed() < Duration::from_secs(5));
    }
}
