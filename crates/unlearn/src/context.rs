//! What every command works with: where to compute, how to talk, and when to stop.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::Result;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use unlearn_engine::tensor::Device;
use unlearn_engine::{LanguageModel, device};

use crate::cli::Common;
use crate::progress::Bar;

/// What every command works with.
pub struct Context {
    pub common: Common,
    pub device: Device,
    /// Set by Ctrl-C or SIGTERM.
    pub stop: Arc<AtomicBool>,
}

impl Context {
    /// Finds the device, starts the threads and listens to signals.
    pub fn new(common: Common) -> Result<Self> {
        let device = device::by_name(&common.device)?;
        device::set_threads(common.threads)?;
        let stop = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            // The second signal ends the program at once; the first lets it save.
            flag::register_conditional_shutdown(signal, 130, Arc::clone(&stop))?;
            flag::register(signal, Arc::clone(&stop))?;
        }
        Ok(Self { common, device, stop })
    }

    /// A line of talk on stderr.
    pub fn say(&self, text: impl AsRef<str>) {
        if !self.common.quiet {
            eprintln!("{}", text.as_ref());
        }
    }

    /// A progress bar over `total` things.
    pub fn bar(&self, what: &str, total: usize) -> Bar {
        Bar::new(what, total, self.common.quiet)
    }

    /// Data on stdout.
    pub fn print(&self, text: impl AsRef<str>) -> Result<()> {
        let mut out = std::io::stdout().lock();
        out.write_all(text.as_ref().as_bytes())?;
        out.write_all(b"\n")?;
        Ok(out.flush()?)
    }

    /// Reads a model.
    pub fn model(&self, path: &std::path::Path) -> Result<LanguageModel> {
        Ok(LanguageModel::read(path, &self.device)?)
    }
}
