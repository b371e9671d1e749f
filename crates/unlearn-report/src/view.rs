//! A run folder, read.

use std::path::Path;

use unlearn_core::attack::AttackReport;
use unlearn_core::event::{Event, Step, Watch};
use unlearn_core::file;
use unlearn_core::recipe::Recipe;
use unlearn_core::run::{RunFolder, RunRecord};
use unlearn_core::score::{Answer, EvalReport};

use crate::error::ReportError;
use crate::lines;

/// What a run folder holds. All but the record may be missing.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RunView {
    /// What the reader knows the run by.
    pub name: String,
    /// `run.json`.
    pub record: RunRecord,
    /// `recipe.toml`, word for word.
    pub recipe: Option<String>,
    /// The method that the recipe names.
    pub method: Option<String>,
    /// `events.jsonl`; a number that was not finite is NaN or infinite here.
    pub events: Vec<Event>,
    /// `eval.json`.
    pub eval: Option<EvalReport>,
    /// `eval-before.json`.
    pub eval_before: Option<EvalReport>,
    /// `answers.jsonl`.
    pub answers: Vec<Answer>,
    /// `answers-before.jsonl`.
    pub answers_before: Vec<Answer>,
    /// `eval-retrained.json`.
    pub eval_retrained: Option<EvalReport>,
    /// `answers-retrained.jsonl`.
    pub answers_retrained: Vec<Answer>,
    /// `attacks.json`.
    pub attacks: Option<AttackReport>,
}

impl RunView {
    /// Reads a run folder; `name` is the folder's own where none is given.
    ///
    /// # Errors
    /// When `run.json` is missing, or when any of the files is there but malformed or of another schema.
    pub fn read(folder: &RunFolder, name: Option<&str>) -> Result<Self, ReportError> {
        let record = folder.read_record()?;
        check_schema(&folder.record(), &record.schema, RunRecord::SCHEMA)?;
        let recipe_path = folder.recipe();
        let recipe = recipe_path.exists().then(|| file::read_text(&recipe_path)).transpose()?;
        let method = recipe.as_ref().and_then(|_| method_of(&recipe_path));
        Ok(Self {
            name: name.map_or_else(|| folder_name(folder.path()), str::to_owned),
            record,
            recipe,
            method,
            events: lines::read_events(&folder.events())?,
            eval: read_eval(&folder.eval())?,
            eval_before: read_eval(&folder.eval_before())?,
            answers: lines::read(&folder.answers())?,
            answers_before: lines::read(&folder.answers_before())?,
            eval_retrained: read_eval(&folder.eval_retrained())?,
            answers_retrained: lines::read(&folder.answers_retrained())?,
            attacks: read_attacks(&folder.attacks())?,
        })
    }

    /// The optimiser steps in order. Of a step that was taken again after an interruption only the last counts.
    pub fn steps(&self) -> Vec<&Step> {
        let mut steps: Vec<&Step> = Vec::new();
        for event in &self.events {
            match event {
                Event::Step(step) => steps.push(step),
                Event::Resumed { step } => steps.retain(|s| s.step < *step),
                Event::Phase { .. } | Event::Watch(_) | Event::Stopped { .. } | Event::Kept { .. } => {}
            }
        }
        steps
    }

    /// The looks at the model in order, where the run was watched; likewise without those that were taken again.
    pub fn watches(&self) -> Vec<&Watch> {
        let mut watches: Vec<&Watch> = Vec::new();
        for event in &self.events {
            match event {
                Event::Watch(watch) => watches.push(watch),
                // A look after `n` steps comes before the step after.
                Event::Resumed { step } => watches.retain(|w| w.step < *step),
                Event::Phase { .. } | Event::Step(_) | Event::Stopped { .. } | Event::Kept { .. } => {}
            }
        }
        watches.dedup_by_key(|w| w.step);
        watches
    }
}

/// The method's name. A recipe of another version may no longer be valid; it is then shown, but not understood.
fn method_of(recipe: &Path) -> Option<String> {
    Recipe::read(Some(recipe), &[]).ok()?.method_name().ok().map(str::to_owned)
}

fn folder_name(path: &Path) -> String {
    path.file_name().map_or_else(|| path.display().to_string(), |n| n.to_string_lossy().into_owned())
}

fn read_eval(path: &Path) -> Result<Option<EvalReport>, ReportError> {
    if !path.exists() {
        return Ok(None);
    }
    let eval: EvalReport = file::read_json(path)?;
    check_schema(path, &eval.schema, EvalReport::SCHEMA)?;
    Ok(Some(eval))
}

fn read_attacks(path: &Path) -> Result<Option<AttackReport>, ReportError> {
    if !path.exists() {
        return Ok(None);
    }
    let attacks: AttackReport = file::read_json(path)?;
    check_schema(path, &attacks.schema, AttackReport::SCHEMA)?;
    Ok(Some(attacks))
}

fn check_schema(path: &Path, found: &str, expected: &'static str) -> Result<(), ReportError> {
    if found == expected {
        return Ok(());
    }
    Err(ReportError::Schema { path: path.to_owned(), found: found.to_owned(), expected })
}
