//! The progress bar: on stderr, with rate and remaining time, once something takes longer than a moment.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A progress bar that clears itself.
pub struct Bar(ProgressBar);

impl Bar {
    /// A bar over `total` things; hidden when quiet or when stderr is no terminal.
    pub fn new(what: &str, total: usize, quiet: bool) -> Self {
        let target = if quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let bar = ProgressBar::with_draw_target(Some(total as u64), target);
        let style = ProgressStyle::with_template("{prefix:>12} {bar:24} {pos}/{len} · {eta} left · {msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.set_prefix(what.to_owned());
        Self(bar)
    }

    /// How many are done, and a word on them.
    pub fn set(&self, done: usize, message: impl Into<String>) {
        self.0.set_position(done as u64);
        self.0.set_message(message.into());
    }

    /// How many there are, where that was not known before.
    pub fn set_total(&self, total: usize) {
        self.0.set_length(total as u64);
    }

    /// After a resumption: the rate is taken from here on.
    pub fn begin_at(&self, done: usize) {
        self.0.set_position(done as u64);
        self.0.reset_eta();
    }

    /// A line above the bar.
    pub fn line(&self, text: impl AsRef<str>) {
        self.0.suspend(|| eprintln!("{}", text.as_ref()));
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// A progress bar over bytes that appears once something takes over two seconds, and clears itself.
pub struct ByteBar {
    bar: ProgressBar,
    began: Instant,
    hidden: bool,
}

impl ByteBar {
    /// A bar; it stays hidden when quiet or when stderr is no terminal.
    pub fn new(what: &str, quiet: bool) -> Self {
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::hidden());
        let template =
            "{prefix:>12} {bar:24} {decimal_bytes}/{decimal_total_bytes} · {decimal_bytes_per_sec} · {eta} left";
        bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.set_prefix(what.to_owned());
        Self { bar, began: Instant::now(), hidden: !quiet }
    }

    /// More bytes to come.
    pub fn add_total(&mut self, bytes: u64) {
        self.bar.inc_length(bytes);
        self.bar.reset_elapsed();
    }

    /// Bytes that were there before; the rate is taken from here on.
    pub fn had(&mut self, bytes: u64) {
        self.bar.inc(bytes);
        self.bar.reset_eta();
    }

    /// Bytes that have arrived.
    pub fn got(&mut self, bytes: u64) {
        if self.hidden && self.began.elapsed() > Duration::from_secs(2) {
            self.hidden = false;
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        self.bar.inc(bytes);
    }

    /// Bytes that have to be fetched again.
    pub fn lost(&mut self, bytes: u64) {
        self.bar.set_position(self.bar.position().saturating_sub(bytes));
    }

    /// A line above the bar.
    pub fn line(&self, write: impl FnOnce()) {
        self.bar.suspend(write);
    }
}

impl Drop for ByteBar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
