//! `unlearn attack`

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use unlearn_core::attack::{AttackReport, Fact};
use unlearn_core::run::{RunFolder, RunRecord};
use unlearn_core::{Recipe, RecipeError, file};
use unlearn_data::Row;
use unlearn_eval::attacks::{self, Scope, recovered, sentences, with_wrong_answers};
use unlearn_eval::metrics::direction;
use unlearn_eval::{EvalSet, selected};

use super::attacked::Attacker;
use super::examine::check_comparable;
use super::{report, sets};
use crate::cli::Output;
use crate::context::Context;
use crate::job::{Begun, Job};

#[derive(Debug, Args)]
pub struct Attack {
    /// A recipe; flags and `--set` go over it
    #[arg(value_name = "RECIPE")]
    recipe: Option<PathBuf>,
    /// The model to attack: a Hugging Face folder or a GGUF file
    #[arg(long, value_name = "DIR")]
    model: Option<PathBuf>,
    /// The model that never saw the forget set, attacked alike: what it gives is what can be learned or guessed
    #[arg(long, value_name = "DIR")]
    retrained: Option<PathBuf>,
    /// The model as it was before
    #[arg(long, value_name = "DIR")]
    reference: Option<PathBuf>,
    /// Attacks by name; `unlearn attacks` lists them
    #[arg(long, value_name = "NAME", num_args = 1..)]
    attack: Vec<String>,
    /// Attacks that belong together: `quick` (when nothing is named), `standard`, `thorough`
    #[arg(long, value_name = "NAME")]
    suite: Option<String>,
    #[command(flatten)]
    sets: sets::SetFlags,
    #[command(flatten)]
    output: Output,
}

impl Attack {
    pub fn run(self, context: &Context) -> Result<()> {
        let mut flags = self.sets.assignments()?;
        flags.extend(self.model.iter().map(|p| sets::path_assignment("model.path", p)));
        flags.extend(self.reference.iter().map(|p| sets::path_assignment("model.reference", p)));
        flags.extend(self.retrained.iter().map(|p| sets::path_assignment("model.retrained", p)));
        flags.extend(self.suite.iter().map(|name| format!("attack.suite={}", toml::Value::String(name.clone()))));
        if !self.attack.is_empty() {
            let names = self.attack.iter().map(|name| toml::Value::String(name.clone())).collect();
            flags.push(format!("attack.names={}", toml::Value::Array(names)));
        }
        let recipe = sets::recipe(context, self.recipe.as_deref(), flags)?;
        let done = execute(context, &recipe, &self.output)?;
        if done.is_none() {
            context.say(format!("`{}` was already finished", self.output.out.display()));
        }
        let found: AttackReport = file::read_json(&RunFolder::new(&self.output.out).attacks())?;
        if context.common.json {
            return context.print(serde_json::to_string_pretty(&found)?);
        }
        found.words.iter().try_for_each(|line| context.print(line))?;
        context.print(format!("report  {}", RunFolder::new(&self.output.out).report().display()))
    }
}

/// What is asked, with wrong answers beside the true ones: the forget set, and others that belong to it.
fn scopes(recipe: &Recipe) -> Result<(Vec<Scope>, Vec<EvalSet>)> {
    let sets = sets::eval_sets(recipe)?;
    let belongs = |set: &&EvalSet| direction(&set.name) == unlearn_core::score::Direction::Lower;
    let scope = |set: &EvalSet| {
        let rows = selected(&set.rows, recipe.eval.rows);
        let rows: Vec<_> = rows.into_iter().filter(|row| row.answer_text().is_some()).collect();
        Scope { name: set.name.clone(), rows: with_wrong_answers(&rows) }
    };
    let scopes: Vec<Scope> = sets.iter().filter(belongs).map(scope).filter(|scope| !scope.rows.is_empty()).collect();
    if scopes.first().is_none_or(|scope| scope.name != "forget") {
        let hint = "give `--forget FILE`, rows with questions and answers".to_owned();
        return Err(RecipeError::Missing { field: "data.forget", hint }.into());
    }
    Ok((scopes, sets))
}

/// What has to be known of a guarded subject's attacks.
const GUARDED: &str = "A guard stands before the subject: attacks that only ask see its refusals, those that hold the \
                       weights walk round it. It masks what the weights still know, and forgets nothing.";

fn fact(row: &Row) -> Fact {
    Fact {
        question: row.prompt_text(),
        answer: row.answer_text().unwrap_or_default().to_owned(),
        wrong: row.perturbed_answer.clone(),
        about: row.entity.clone(),
    }
}

/// Attacks the recipe's model, and the retrained one alike; `None` when it was done before.
pub fn execute(context: &Context, recipe: &Recipe, output: &Output) -> Result<Option<RunRecord>> {
    let mut recipe = recipe.clone();
    if recipe.attack.suite.is_none() && recipe.attack.names.is_empty() {
        recipe.attack.suite = Some("quick".into());
    }
    let path = recipe.model_path()?.to_owned();
    let (scopes, sets) = scopes(&recipe)?;
    let chosen = attacks::chosen(recipe.attack.suite.as_deref(), &recipe.attack.names, &recipe.attack.own)?;
    let subject = context.subject(&path)?;
    let encoder = subject.encoder(&recipe.chat);
    for set in &sets {
        sets::check_answerable(&subject, &encoder, &set.rows)?;
    }
    check_comparable(&recipe, &encoder)?;
    let mut job = match Job::begin(context, "attack", output, &recipe, &sets::inputs(&recipe))? {
        Begun::Job(job) => job,
        Begun::Finished => return Ok(None),
    };
    let retain = sets.iter().find(|set| set.name == "retain").map(|set| set.rows.clone()).unwrap_or_default();
    let attacker = Attacker {
        context,
        recipe: &recipe,
        scopes: &scopes,
        retain: &retain,
        attacks: &chosen,
        state: job.folder.state().join("attacks"),
        fingerprint: job.fingerprint(&recipe),
    };
    let all = || -> Result<AttackReport> {
        let attacked = attacker.attack(&subject, "subject")?;
        let is_guarded = subject.guard.is_some();
        // One model at a time is in memory.
        let _ = subject;
        let retrained = match &recipe.model.retrained {
            None => None,
            Some(path) => Some(attacker.attack(&context.subject(path)?, "retrained")?),
        };
        let recovered = recovered(&attacked, retrained.as_ref(), &scopes, recipe.seed);
        let (schema, suite) = (AttackReport::SCHEMA.to_owned(), recipe.attack.suite.clone());
        // What came back stands last: the last sentence is what a page is summed up by.
        let mut words: Vec<String> = is_guarded.then(|| GUARDED.to_owned()).into_iter().collect();
        words.extend(attacked.attacks.iter().flat_map(|outcome| outcome.notes.clone()));
        words.extend(sentences(&recovered));
        let facts = scopes.iter().map(|scope| (scope.name.clone(), scope.rows.iter().map(fact).collect())).collect();
        Ok(AttackReport { schema, suite, facts, attacked, retrained, recovered, words })
    };
    let found = match context.guarded(all) {
        Ok(found) => found,
        Err(e) => {
            job.pause()?;
            return Err(e);
        }
    };
    file::write_json(&job.folder.attacks(), &found)?;
    let folder = job.folder.clone();
    let record = job.finish()?;
    report::write_for_run(&folder)?;
    Ok(Some(record))
}
