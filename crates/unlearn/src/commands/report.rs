//! `unlearn report`

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use unlearn_core::file;
use unlearn_core::run::RunFolder;
use unlearn_report::{Comparison, Format, RunView, render_html};

use crate::context::Context;

#[derive(Debug, Args)]
pub struct Report {
    /// Run folders; several are shown side by side
    #[arg(value_name = "RUN", required = true)]
    runs: Vec<PathBuf>,
    /// The file to write: a page (`.html`), verdict and tables in Markdown (`.md`), every score, one a line (`.csv`), or
    /// every attempt of attacks (`attacks.csv`)
    #[arg(long, value_name = "FILE.html|.md|.csv")]
    out: PathBuf,
}

impl Report {
    pub fn run(self, context: &Context) -> Result<()> {
        let format = Format::of(&self.out)?;
        let views = self.runs.iter().map(|p| RunView::read(&RunFolder::new(p), None));
        let mut views = views.collect::<Result<Vec<_>, _>>()?;
        let comparison = match views.len() {
            1 => Comparison::of_run(views.remove(0)),
            _ => Comparison::of_runs(views),
        };
        file::write_bytes(&self.out, format.render(&comparison).as_bytes())?;
        let path = self.out.display().to_string();
        context.print(if context.common.json { serde_json::json!({"report": path}).to_string() } else { path })
    }
}

/// Writes a finished run's own page.
pub fn write_for_run(folder: &RunFolder) -> Result<()> {
    let comparison = Comparison::of_run(RunView::read(folder, None)?);
    Ok(file::write_bytes(&folder.report(), render_html(&comparison).as_bytes())?)
}
