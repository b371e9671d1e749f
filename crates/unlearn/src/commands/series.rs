//! `unlearn series`: several checkpoints under the same examination, in their order.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::Args;
use serde::Serialize;
use unlearn_core::run::RunFolder;
use unlearn_core::score::EvalReport;
use unlearn_core::{Recipe, file};
use unlearn_engine::LanguageModel;
use unlearn_report::{Comparison, RunView, number, render_html};

use super::{eval, examine, sets};
use crate::cli::Output;
use crate::context::Context;
use crate::failure::Refusal;

#[derive(Debug, Args)]
pub struct Series {
    /// The checkpoints, in their order: after more and more was to be forgotten, or after one request more each
    #[arg(value_name = "DIR", required = true, num_args = 2..)]
    models: Vec<PathBuf>,
    /// A recipe; flags and `--set` go over it
    #[arg(long, value_name = "FILE")]
    recipe: Option<PathBuf>,
    #[command(flatten)]
    judging: eval::Judging,
    /// The folder to write, with a run folder for each checkpoint
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Go on with the series in this folder; it may have grown
    #[arg(long)]
    resume: bool,
}

/// What became of each metric along the series: `series.json`.
#[derive(Debug, Serialize)]
struct Found {
    schema: &'static str,
    /// Names of the run folders, in their order.
    runs: Vec<String>,
    /// The checkpoints.
    models: Vec<PathBuf>,
    metrics: Vec<Line>,
}

#[derive(Debug, Serialize)]
struct Line {
    metric: String,
    /// Of each checkpoint that was examined; `null` where it could not be taken.
    values: Vec<Option<f64>>,
    /// 95 % bootstrap intervals.
    intervals: Vec<Option<[f64; 2]>>,
}

impl Series {
    pub fn run(self, context: &Context) -> Result<()> {
        let steps = self.steps(context)?;
        self.check(context, &steps)?;
        file::create_dir(&self.out)?;
        let state = self.out.join("state");
        let mut done = Vec::new();
        for (name, recipe) in &steps {
            self.write(&done)?;
            context.say(format!("{}/{} {name}", done.len() + 1, steps.len()));
            let output = Output { out: self.out.join(name), resume: self.resume };
            eval::execute(context, recipe, &output, Some(&state))?;
            done.push(name.clone());
        }
        let found = self.write(&done)?;
        let views = done.iter().map(|name| RunView::read(&RunFolder::new(self.out.join(name)), None));
        let page = render_html(&Comparison::of_runs(views.collect::<Result<Vec<_>, _>>()?));
        file::write_bytes(&self.out.join("report.html"), page.as_bytes())?;
        if state.exists() {
            std::fs::remove_dir_all(&state).with_context(|| format!("cannot remove `{}`", state.display()))?;
        }
        if context.common.json {
            return context.print(serde_json::to_string_pretty(&found)?);
        }
        context.print(table(&found))?;
        context.print(format!("report  {}", self.out.join("report.html").display()))
    }

    /// Each checkpoint's folder and recipe.
    fn steps(&self, context: &Context) -> Result<Vec<(String, Recipe)>> {
        let step = |(i, model): (usize, &PathBuf)| -> Result<(String, Recipe)> {
            let flags = self.judging.assignments()?;
            let of_model = vec![sets::path_assignment("model.path", model)];
            let recipe = sets::recipe_over(context, self.recipe.as_deref(), flags, of_model)?;
            Ok((format!("{:02}-{}", i + 1, examine::name_of(model)), recipe))
        };
        self.models.iter().enumerate().map(step).collect()
    }

    /// Refuses, before anything is written, what an evaluation would refuse later, and a folder that holds something else.
    fn check(&self, context: &Context, steps: &[(String, Recipe)]) -> Result<()> {
        for (_, recipe) in steps {
            eval::check(recipe)?;
            LanguageModel::read_config(recipe.model_path()?)?;
        }
        let (shown, ours) = (self.out.display(), self.out.join(FILE).exists());
        if !ours && !RunFolder::new(&self.out).is_free() {
            let message = format!("`{shown}` is not empty, and holds no series");
            return Err(Refusal::new(message, "choose another `--out`").into());
        }
        if ours && !self.resume {
            let message = format!("`{shown}` holds another series");
            let hint = "choose another `--out`, or go on with that series by `--resume`";
            return Err(Refusal::new(message, hint).into());
        }
        for (name, recipe) in steps {
            let output = Output { out: self.out.join(name), resume: self.resume };
            crate::job::Job::check(context, "eval", &output, recipe, &sets::inputs(recipe))?;
        }
        Ok(())
    }

    /// Writes what is known so far.
    fn write(&self, done: &[String]) -> Result<Found> {
        let read = |name: &String| file::read_json::<EvalReport>(&RunFolder::new(self.out.join(name)).eval());
        let reports = done.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        let names: BTreeSet<&String> = reports.iter().flat_map(|report| report.metrics.keys()).collect();
        let line = |metric: &&String| Line {
            metric: (*metric).clone(),
            values: reports.iter().map(|report| report.value(metric)).collect(),
            intervals: reports.iter().map(|report| report.metrics.get(*metric)?.interval).collect(),
        };
        let metrics = names.iter().map(line).collect();
        let models = self.models[..done.len()].to_vec();
        let found = Found { schema: "unlearn.series/1", runs: done.to_vec(), models, metrics };
        file::write_json(&self.out.join(FILE), &found)?;
        file::write_bytes(&self.out.join("series.md"), table(&found).as_bytes())?;
        Ok(found)
    }
}

const FILE: &str = "series.json";

/// A Markdown table: a row for each metric, a column for each checkpoint, and what the last has more than the first.
fn table(found: &Found) -> String {
    let heading = ["metric"].into_iter().chain(found.runs.iter().map(String::as_str)).chain(["last less first"]);
    let heading: Vec<String> = heading.map(|cell| cell.replace('|', "\\|")).collect();
    let mut lines = vec![heading.join(" | "), vec!["---"; heading.len()].join(" | ")];
    for line in &found.metrics {
        let cell = |(value, interval): (&Option<f64>, &Option<[f64; 2]>)| match (value, interval) {
            (Some(x), Some(interval)) => format!("{} ({})", number::score(*x), number::interval(*interval)),
            (Some(x), None) => number::score(*x),
            (None, _) => "–".to_owned(),
        };
        let mut cells = vec![line.metric.clone()];
        cells.extend(line.values.iter().zip(&line.intervals).map(cell));
        cells.push(match (line.values.first(), line.values.last()) {
            (Some(Some(first)), Some(Some(last))) => number::signed(last - first),
            _ => "–".to_owned(),
        });
        lines.push(cells.join(" | "));
    }
    lines.iter().map(|line| format!("| {line} |\n")).collect()
}
