//! What every command works with: where to compute, how to talk, and when to stop.

use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Once};

use anyhow::Result;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use unlearn_core::recipe::Frozen;
use unlearn_core::{FileError, Recipe};
use unlearn_engine::tensor::Device;
use unlearn_engine::{LanguageModel, Loading, device};

use crate::cli::Common;
use crate::progress::{Bar, ByteBar};

/// What every command works with.
pub struct Context {
    pub common: Common,
    pub device: Device,
    /// Set by Ctrl-C or SIGTERM, while training or fetching.
    pub stop: Arc<AtomicBool>,
    interruptible: Arc<AtomicBool>,
    at_once: Arc<AtomicBool>,
}

impl Context {
    /// Finds the device, starts the threads and listens to signals.
    pub fn new(common: Common) -> Result<Self> {
        let device = device::by_name(&common.device)?;
        device::set_threads(common.threads)?;
        let (stop, interruptible) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(true)));
        let at_once = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            // While there is something to save, the first signal lets it be saved; any other ends the program at once.
            flag::register_conditional_shutdown(signal, 130, Arc::clone(&stop))?;
            flag::register_conditional_shutdown(signal, 130, Arc::clone(&at_once))?;
            flag::register_conditional_default(signal, Arc::clone(&interruptible))?;
            flag::register(signal, Arc::clone(&stop))?;
        }
        Ok(Self { common, device, stop, interruptible, at_once })
    }

    /// Computes as a recipe asks from now on.
    pub fn compute(&self, recipe: &Recipe) {
        static SAID: Once = Once::new();
        if device::set_precision(recipe.precision) != recipe.precision {
            SAID.call_once(|| self.say("no products of bfloat16 (AVX512-BF16) on this device: it computes in float32"));
        }
    }

    /// Does something that wants to save before a signal ends the program.
    pub fn guarded<T>(&self, work: impl FnOnce() -> T) -> T {
        let interruptible = self.interruptible.swap(false, Ordering::SeqCst);
        let at_once = self.at_once.swap(false, Ordering::SeqCst);
        let done = work();
        self.interruptible.store(interruptible, Ordering::SeqCst);
        self.at_once.store(at_once, Ordering::SeqCst);
        done
    }

    /// From now on, where nothing is [`guarded`](Self::guarded), a signal ends the program with exit status 130: what
    /// it does can be gone on with.
    pub fn leave_at_once(&self) {
        self.interruptible.store(false, Ordering::SeqCst);
        self.at_once.store(true, Ordering::SeqCst);
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

    /// A progress bar over bytes.
    pub fn byte_bar(&self, what: &str) -> ByteBar {
        ByteBar::new(what, self.common.quiet)
    }

    /// Data on stdout.
    pub fn print(&self, text: impl AsRef<str>) -> Result<()> {
        let mut out = std::io::stdout().lock();
        let mut write = || {
            out.write_all(text.as_ref().as_bytes())?;
            out.write_all(b"\n")?;
            out.flush()
        };
        Ok(write().map_err(|e| FileError::write(Path::new("stdout"), e))?)
    }

    /// Reads a model that is asked and looked at, not changed: its matrices as its checkpoint has them, which takes less
    /// memory, and less to read for each token of an answer.
    pub fn subject(&self, path: &Path) -> Result<LanguageModel> {
        Ok(LanguageModel::load(path, Loading::Packed(Frozen::Own), &self.device)?)
    }

    /// Reads a model, all of it in float32.
    pub fn model(&self, path: &Path) -> Result<LanguageModel> {
        Ok(LanguageModel::read(path, &self.device)?)
    }
}
