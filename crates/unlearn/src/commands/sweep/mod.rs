//! `unlearn sweep`: one unlearning run for every combination of some fields' values.

mod grid;
mod outcome;
mod table;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use anyhow::{Context as _, Error, Result};
use clap::Args;
use unlearn_core::run::RunFolder;
use unlearn_core::{Recipe, file};
use unlearn_engine::EngineError;
use unlearn_eval::EvalError;

use super::prepared::Prepared;
use super::{run, sets};
use crate::cli::Output;
use crate::context::Context;
use crate::failure::{Failed, Refusal};
use crate::job::Job;
use grid::{Axis, Combination};
use outcome::{Outcome, Sweep as Results};

#[derive(Debug, Args)]
pub struct Sweep {
    /// The recipe that all runs have in common
    #[arg(value_name = "RECIPE")]
    recipe: PathBuf,
    /// A field of the recipe and the values that it takes; of several, every combination is run
    #[arg(long, value_name = "FIELD=VALUE,…", required = true)]
    grid: Vec<String>,
    /// The folder to write, with a run folder for each combination
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Go on with the sweep in this folder; the grid may have grown
    #[arg(long)]
    resume: bool,
}

impl Sweep {
    pub fn run(self, context: &Context) -> Result<()> {
        let axes = grid::parse(&self.grid)?;
        let base = sets::recipe(context, Some(&self.recipe), Vec::new())?;
        self.check_folder(&base)?;
        let combinations = grid::combinations(&axes);
        for combination in &combinations {
            self.check(context, combination)
                .with_context(|| format!("the run `{}` cannot be done", combination.name))?;
        }
        file::create_dir(&self.out)?;
        file::write_bytes(&RunFolder::new(&self.out).recipe(), base.to_toml().as_bytes())?;
        let mut failures = Results::failures(&self.out)?;
        context.leave_at_once();
        for (i, combination) in combinations.iter().enumerate() {
            self.write(&axes, &base, &combinations, &failures)?;
            if failures.contains_key(&combination.name) {
                continue;
            }
            context.say(format!("{}/{} {}", i + 1, combinations.len(), combination.name));
            if let Err(e) = self.execute(context, combination) {
                if !by_its_settings(&e) {
                    return Err(e);
                }
                context.say(format!("failed: {e}"));
                failures.insert(combination.name.clone(), e.to_string());
            }
            if context.stop.load(Ordering::SeqCst) {
                return Err(EngineError::Interrupted { step: 0 }.into());
            }
        }
        let results = self.write(&axes, &base, &combinations, &failures)?;
        let state = self.state();
        if state.exists() {
            std::fs::remove_dir_all(&state).with_context(|| format!("cannot remove `{}`", state.display()))?;
        }
        self.print(context, &results)
    }

    /// Where the runs keep what they have in common.
    fn state(&self) -> PathBuf {
        self.out.join("state")
    }

    /// Refuses a folder that holds something else, and a recipe that has changed.
    fn check_folder(&self, base: &Recipe) -> Result<()> {
        let (folder, shown) = (RunFolder::new(&self.out), self.out.display());
        let holds_sweep = folder.recipe().exists() && !folder.record().exists();
        if !holds_sweep && !folder.is_free() {
            let message = format!("`{shown}` is not empty, and holds no sweep");
            return Err(Refusal::new(message, "choose another `--out`").into());
        }
        if holds_sweep && !self.resume {
            let message = format!("`{shown}` holds another sweep");
            return Err(Refusal::new(message, "choose another `--out`, or go on with that sweep by `--resume`").into());
        }
        let before = holds_sweep.then(|| Recipe::read(Some(&folder.recipe()), &[]));
        if before.is_some_and(|r| r.is_ok_and(|r| r.essence() != base.essence())) {
            let message = format!("`{shown}` cannot be resumed: the recipe has changed since");
            return Err(Refusal::new(message, "resume with what began the sweep, or choose another `--out`").into());
        }
        Ok(())
    }

    fn output(&self, combination: &Combination) -> Output {
        Output { out: self.out.join(&combination.name), resume: self.resume }
    }

    fn recipe(&self, context: &Context, combination: &Combination) -> Result<Recipe> {
        sets::recipe_over(context, Some(&self.recipe), Vec::new(), combination.assignments())
    }

    /// Refuses what the run would refuse.
    fn check(&self, context: &Context, combination: &Combination) -> Result<()> {
        let recipe = Prepared::of(context, self.recipe(context, combination)?)?.recipe;
        if !(recipe.eval.metrics.is_empty() || recipe.eval.metrics.iter().any(|m| m == "probability")) {
            let message = "`eval.metrics` lacks `probability`, by which a sweep compares its runs";
            return Err(Refusal::new(message, "add it").into());
        }
        Job::check(context, "run", &self.output(combination), &recipe, &sets::inputs(&recipe))
    }

    fn execute(&self, context: &Context, combination: &Combination) -> Result<()> {
        let prepared = Prepared::of(context, self.recipe(context, combination)?)?;
        run::carry_out(context, prepared, &self.output(combination), Some(&self.state())).map(|_| ())
    }

    /// Writes what is known so far.
    fn write(
        &self,
        axes: &[Axis],
        base: &Recipe,
        combinations: &[Combination],
        failures: &BTreeMap<String, String>,
    ) -> Result<Results> {
        let outcome = |c: &Combination| Outcome::of(&self.out, c, failures.get(&c.name));
        let runs = combinations.iter().map(outcome).collect::<Result<Vec<_>>>()?;
        let results = Results {
            schema: Results::SCHEMA.into(),
            fields: axes.iter().map(|axis| axis.field.clone()).collect(),
            best: outcome::best(&runs, &base.watch),
            retain_within: base.watch.retain_within,
            runs,
        };
        file::write_json(&Results::path(&self.out), &results)?;
        file::write_bytes(&self.page(), table::markdown(&results).as_bytes())?;
        Ok(results)
    }

    fn page(&self) -> PathBuf {
        self.out.join("sweep.md")
    }

    fn print(&self, context: &Context, results: &Results) -> Result<()> {
        if context.common.json {
            context.print(serde_json::to_string_pretty(results)?)?;
        } else {
            context.print(table::text(results))?;
            context.print(format!("\n{}", table::verdict(results)))?;
            context.print(format!("table   {}", self.page().display()))?;
        }
        failed(results, &self.out)
    }
}

/// An error where a run failed.
fn failed(results: &Results, out: &Path) -> Result<()> {
    let failed: Vec<&Outcome> = results.runs.iter().filter(|run| run.error.is_some()).collect();
    if failed.is_empty() {
        return Ok(());
    }
    let message = format!("{} of {} runs failed", failed.len(), results.runs.len());
    let hint = format!("`{}` says why", Results::path(out).display());
    Err(Failed::new(message, hint).into())
}

/// Whether a run came to nothing by its own settings, so that it would again: it diverged, or could not get the other
/// answers that its method asks for.
fn by_its_settings(error: &Error) -> bool {
    error.chain().any(|cause| {
        matches!(cause.downcast_ref(), Some(EngineError::Diverged { .. }))
            || matches!(cause.downcast_ref(), Some(EvalError::NotFinite { .. }))
            || cause.is::<Refusal>()
    })
}
