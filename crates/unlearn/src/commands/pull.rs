//! `unlearn pull`

use std::path::PathBuf;
use std::time::Instant;

use anyhow::Result;
use clap::Args;
use serde_json::json;
use unlearn_hub::{Cache, Note, Pulled, Request, Settings, bytes, pull};

use crate::context::Context;

#[derive(Debug, Args)]
pub struct Pull {
    /// The repository on the Hugging Face Hub
    #[arg(value_name = "OWNER/NAME")]
    repository: String,
    /// A branch, a tag or a commit
    #[arg(long, value_name = "REV", default_value = "main")]
    revision: String,
    /// Only files that match, with `*` and `?`; without it, what a model needs
    #[arg(long, value_name = "PATTERN", num_args = 1..)]
    file: Vec<String>,
    /// The cache; else `$HF_HUB_CACHE`, `$HF_HOME/hub` or `~/.cache/huggingface/hub`
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,
    /// Files that are fetched at once
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=32))]
    connections: u8,
}

impl Pull {
    pub fn run(self, context: &Context) -> Result<()> {
        let repository = self.repository.parse()?;
        let mut settings = Settings::from_env()?;
        if let Some(folder) = self.cache {
            settings.cache = Cache::new(std::path::absolute(&folder).unwrap_or(folder));
        }
        let threads = usize::from(self.connections);
        let request = Request { repository, revision: self.revision, patterns: self.file, threads };
        let began = Instant::now();
        let mut bar = context.byte_bar("pull");
        let mut watch = |note| match note {
            Note::Total(bytes) => bar.add_total(bytes),
            Note::Had(bytes) => bar.had(bytes),
            Note::Got(bytes) => bar.got(bytes),
            Note::Lost(bytes) => bar.lost(bytes),
            Note::Say(text) => bar.line(|| context.say(text)),
        };
        // The first signal ends the waiting, and what has arrived is kept.
        let pulled = context.guarded(|| pull(&settings, &request, &context.stop, &mut watch));
        drop(bar);
        let pulled = pulled?;
        context.say(summary(&pulled, began.elapsed().as_secs_f64()));
        if context.common.json {
            return context.print(facts(&request, &pulled).to_string());
        }
        context.print(pulled.path.display().to_string())
    }
}

fn summary(pulled: &Pulled, seconds: f64) -> String {
    let (cached, fetched): (Vec<_>, Vec<_>) = pulled.files.iter().partition(|f| f.cached);
    if fetched.is_empty() {
        return "everything was in the cache".to_owned();
    }
    let files = if fetched.len() == 1 { "file" } else { "files" };
    let amount = bytes(fetched.iter().map(|f| f.bytes).sum());
    let rest = if cached.is_empty() { String::new() } else { format!("; the other {} in the cache", cached.len()) };
    format!("{} {files} fetched, {amount} in {seconds:.1} s{rest}", fetched.len())
}

fn facts(request: &Request, pulled: &Pulled) -> serde_json::Value {
    let files = pulled.files.iter().map(|f| json!({"name": f.name, "bytes": f.bytes, "cached": f.cached}));
    json!({
        "repository": request.repository.to_string(),
        "revision": request.revision,
        "commit": pulled.commit,
        "path": pulled.path.display().to_string(),
        "files": files.collect::<Vec<_>>(),
    })
}
