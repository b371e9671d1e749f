//! Looking at subjects with what a recipe says of evaluation, and writing down what was found.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;
use unlearn_core::Recipe;
use unlearn_core::score::Subject;
use unlearn_data::Encoder;
use unlearn_engine::{LanguageModel, checkpoint};
use unlearn_eval::metrics::{self, Metric};
use unlearn_eval::observe::Effort;
use unlearn_eval::{Beside, EvalSet, Looked, Observer, Shadow, Store, answers, look, separate_tokens, take};

use super::{sets, shadows};
use crate::context::Context;
use crate::failure::Refusal;
use crate::job::Job;

/// Tokens in one scoring pass.
const TOKENS_AT_ONCE: usize = 2048;

/// Where an evaluation and its answers are written.
pub type Places = (PathBuf, PathBuf);

/// What is looked at, and how.
pub struct Examiner<'a> {
    context: &'a Context,
    recipe: &'a Recipe,
    metrics: Vec<&'static Metric>,
    sets: Vec<EvalSet>,
    store: Store,
}

impl<'a> Examiner<'a> {
    /// As a recipe says; observations are kept in `folder` unless the recipe names another.
    pub fn of(context: &'a Context, recipe: &'a Recipe, folder: PathBuf) -> Result<Self> {
        let sets = sets::eval_sets(recipe)?
            .into_iter()
            .map(|set| EvalSet { rows: unlearn_eval::selected(&set.rows, recipe.eval.rows), ..set })
            .collect();
        let store = Store::in_folder(recipe.eval.observations.clone().unwrap_or(folder));
        Ok(Self { context, recipe, metrics: metrics::by_name(&recipe.eval.metrics)?, sets, store })
    }

    /// Puts the states of two others into the model before, where a metric wants that.
    pub fn patch(&self, model: &LanguageModel, own: &mut Looked, retrained: &Looked, subject: &Looked) -> Result<()> {
        if !self.metrics.iter().any(|metric| metric.name == "depth") {
            return Ok(());
        }
        let encoder = model.encoder(&self.recipe.chat);
        let peek = self.observer(model, &encoder)?.patch(own, "forget", retrained, subject);
        let forget = own.sets.iter_mut().find(|(name, _)| name == "forget");
        if let (Some((_, seen)), Some(peek)) = (forget, peek) {
            seen.inside = Some(Arc::new(peek));
        }
        Ok(())
    }

    /// Looks at a model that was trained as the subject was, on other rows: for what its metrics want, and no more.
    pub fn shadow(&self, model: &LanguageModel) -> Result<Shadow> {
        let encoder = model.encoder(&self.recipe.chat);
        let trained_on = shadows::trained_on(&model.path, &encoder, &self.sets)?;
        if trained_on.is_none() {
            self.context.say(format!("`{}`: nobody knows what it was trained on", model.path.display()));
        }
        let metrics = metrics::by_name(&["mia/lira".into(), "mia/rmia".into()])?;
        let only: Vec<EvalSet> =
            self.sets.iter().map(|set| EvalSet { metrics: vec!["mia/lira".into()], ..set.clone() }).collect();
        let seen = look(&self.observer(model, &encoder)?, &metrics, &only, &mut |_| ())?;
        Ok(Shadow { seen, trained_on: trained_on.unwrap_or_default() })
    }

    fn observer<'m>(&self, model: &'m LanguageModel, encoder: &'m Encoder) -> Result<Observer<'m>> {
        let around = if model.path.is_dir() { checkpoint::companions_digest(&model.path)? } else { None };
        Ok(Observer {
            model,
            encoder,
            digest: checkpoint::digest(&model.path)? + &around.unwrap_or_default(),
            store: self.store.clone(),
            effort: Effort {
                tokens: TOKENS_AT_ONCE,
                batch_size: self.recipe.eval.batch_size,
                max_new_tokens: self.recipe.eval.max_new_tokens,
                samples: self.recipe.eval.samples,
                temperature: self.recipe.eval.temperature,
                seed: self.recipe.seed,
            },
        })
    }

    /// Looks at a subject on every set, with progress.
    pub fn look(&self, model: &LanguageModel, what: &str) -> Result<Looked> {
        let encoder = model.encoder(&self.recipe.chat);
        let observer = self.observer(model, &encoder)?;
        let bar = self.context.bar(what, 0);
        let mut tell = |p: unlearn_eval::Progress<'_>| {
            bar.set_total(p.total);
            bar.set(p.done, p.set.to_owned());
        };
        let looked = look(&observer, &self.metrics, &self.sets, &mut tell)?;
        drop(bar);
        let (ours, separate) = (looked.forward_tokens(), separate_tokens(&self.metrics, &self.sets, &looked));
        if ours > 0 && separate > 0 {
            let times = separate as f64 / ours as f64;
            self.context.say(format!(
                "{what}: {ours} tokens through the model; each metric by itself: {separate}, {times:.1} times as many"
            ));
        }
        Ok(looked)
    }

    /// Takes the metrics of a subject and writes them down with its answers.
    pub fn write(&self, name: &str, path: &Path, beside: Beside<'_>, (scores, said): &Places) -> Result<()> {
        let subject =
            Subject { name: name.to_owned(), path: path.display().to_string(), digest: checkpoint::digest(path)? };
        let report = take(&beside, subject, &self.metrics, &self.sets, self.recipe.seed);
        Ok(Job::write_evaluation(scores, &report, said, &answers(beside.subject))?)
    }

    /// Refuses a model to compare with that makes other tokens of the same rows.
    pub fn comparable(&self, subject: &Encoder, other: &LanguageModel, role: &str) -> Result<()> {
        let theirs = other.encoder(&self.recipe.chat);
        for set in &self.sets {
            for row in &set.rows {
                let [a, b] = [subject, &theirs].map(|encoder| encoder.encode(row).ok().map(|t| (t.ids, t.labels)));
                if a != b {
                    let (path, line) = (row.path.display(), row.line);
                    let message = format!(
                        "the {role} model `{}` makes other tokens of `{path}`, line {line}, than the subject",
                        other.path.display()
                    );
                    let hint = "models are compared token by token: both need the same tokenizer and chat template";
                    return Err(Refusal::new(message, hint).into());
                }
            }
        }
        Ok(())
    }
}

/// A checkpoint's name for people: its folder's, or the run's where the folder is a run's `model`.
pub fn name_of(path: &Path) -> String {
    let named = if path.file_name().is_some_and(|n| n == "model") { path.parent().unwrap_or(path) } else { path };
    named.file_name().map_or_else(|| path.display().to_string(), |n| n.to_string_lossy().into_owned())
}
