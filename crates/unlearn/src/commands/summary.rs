//! What a finished command prints on stdout: verdict and a table for people, JSON for programs.

use std::path::Path;

use anyhow::Result;
use unlearn_core::file;
use unlearn_core::run::{RunFolder, RunRecord};
use unlearn_core::score::EvalReport;
use unlearn_report::{Comparison, RunView, score_table_text, verdict_text};

use super::report;
use crate::context::Context;

/// After `train` and `run`. `None`: an earlier process had finished.
pub fn of_run(context: &Context, out: &Path, record: Option<&RunRecord>) -> Result<()> {
    let folder = RunFolder::new(out);
    if record.is_none() {
        context.say(format!("`{}` was already finished", out.display()));
    }
    // A crash may have come between the end of the run and its page.
    if !folder.report().exists() {
        report::write_for_run(&folder)?;
    }
    let record = folder.read_record()?;
    if context.common.json {
        return context.print(serde_json::to_string_pretty(&record)?);
    }
    if folder.eval().exists() {
        scores(context, &folder)?;
    }
    if let Some(digest) = record.outputs.get("model") {
        context.print(format!("model   {}  (sha256 {digest})", folder.model().display()))?;
    }
    context.print(format!("report  {}", folder.report().display()))
}

/// After `eval`.
pub fn of_eval(context: &Context, out: &Path) -> Result<()> {
    let folder = RunFolder::new(out);
    if context.common.json {
        let report: EvalReport = file::read_json(&folder.eval())?;
        return context.print(serde_json::to_string_pretty(&report)?);
    }
    scores(context, &folder)?;
    context.print(format!("report  {}", folder.report().display()))
}

/// The verdict, where there is one, then the main scores.
fn scores(context: &Context, folder: &RunFolder) -> Result<()> {
    let comparison = Comparison::of_run(RunView::read(folder, None)?);
    let verdict = verdict_text(&comparison);
    if !verdict.is_empty() {
        context.print(verdict)?;
    }
    context.print(score_table_text(&comparison))
}
