//! Looking at subjects with what a recipe says of evaluation, and writing down what was found.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;
use unlearn_core::Recipe;
use unlearn_core::score::{EvalReport, Subject};
use unlearn_data::{DataError, Encoder};
use unlearn_engine::{LanguageModel, checkpoint};
use unlearn_eval::benchmarks::eval_files;
use unlearn_eval::metrics::{self, Metric};
use unlearn_eval::observe::Effort;
use unlearn_eval::{
    Beside, EvalSet, Looked, Observer, Shadow, Store, add_gaps, answers, judge, look, separate_tokens, take,
};

use super::{sets, shadows};
use crate::context::Context;
use crate::failure::Refusal;
use crate::job::Job;

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
        Ok(Self { context, recipe, metrics: sets::metrics(recipe)?, sets, store })
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

    /// Has a model weigh the answers that were sampled from it, and those from another, where a metric wants that.
    pub fn weigh(&self, model: &LanguageModel, own: &mut Looked, other: &Looked) -> Result<()> {
        if !self.metrics.iter().any(|metric| metric.name == "fade") {
            return Ok(());
        }
        let encoder = model.encoder(&self.recipe.chat);
        let observer = self.observer(model, &encoder)?;
        let theirs = other.on("forget").map(|seen| seen.samples.clone()).unwrap_or_default();
        let set = self.sets.iter().find(|set| set.name == "forget");
        let seen = own.sets.iter_mut().find(|(name, _)| name == "forget");
        if let (Some(set), Some((_, seen))) = (set, seen) {
            seen.sampled = observer.weigh(set, &seen.samples)?;
            seen.sampled_by_other = observer.weigh(set, &theirs)?;
        }
        Ok(())
    }

    /// Whether a metric wants the subject to be read once more, when the retrained model has been.
    pub fn reads_again(&self) -> bool {
        self.metrics.iter().any(|metric| metric.name == "fade")
    }

    fn observer<'m>(&self, model: &'m LanguageModel, encoder: &'m Encoder) -> Result<Observer<'m>> {
        let around = if model.path.is_dir() { checkpoint::companions_digest(&model.path)? } else { None };
        Ok(Observer {
            model,
            guard: model.guard.as_ref(),
            encoder,
            digest: checkpoint::digest(&model.path)? + &around.unwrap_or_default(),
            store: self.store.clone(),
            effort: Effort {
                batch_size: self.recipe.eval.batch_size,
                max_new_tokens: self.recipe.eval.max_new_tokens,
                samples: self.recipe.eval.samples,
                temperature: self.recipe.eval.temperature,
                seed: self.recipe.seed,
                ..Effort::default()
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
        for (set, seen) in &looked.sets {
            let missing = seen.likelihoods.iter().filter(|l| l.answer.is_none()).count();
            if missing > 0 {
                let all = seen.rows.len();
                self.context.say(format!(
                    "{what}: {missing} of {all} `{set}` rows have an answer that comes to no token; \
                     they are missing from the scores"
                ));
            }
        }
        let (ours, separate) = (looked.spent(), separate_tokens(&self.metrics, &self.sets, &looked));
        if ours.total() > 0 && separate.total() > 0 {
            let times = separate.total() as f64 / ours.total() as f64;
            self.context.say(format!(
                "{what}: {ours} tokens through the model; each metric by itself: {separate}, {times:.1} times as many"
            ));
        }
        Ok(looked)
    }

    /// Takes the metrics of a model beside the subject, and writes them down with its answers.
    pub fn write(&self, name: &str, path: &Path, beside: Beside<'_>, (scores, said): &Places) -> Result<()> {
        let report = self.report(name, path, &beside)?;
        Ok(Job::write_evaluation(scores, &report, said, &answers(beside.subject))?)
    }

    fn report(&self, name: &str, path: &Path, beside: &Beside<'_>) -> Result<EvalReport> {
        let subject =
            Subject { name: name.to_owned(), path: path.display().to_string(), digest: checkpoint::digest(path)? };
        let mut report = take(beside, subject, &self.metrics, &self.sets, self.recipe.seed);
        report.verdict = Some(judge(beside, self.recipe.seed));
        Ok(report)
    }

    /// The same of the subject, with how far each score is from those of some retrained models, and the files that
    /// others read of its benchmark.
    pub fn write_subject(
        &self,
        name: &str,
        path: &Path,
        (beside, retrained): (Beside<'_>, &[&Looked]),
        (scores, said): &Places,
    ) -> Result<()> {
        let seed = self.recipe.seed;
        let mut own = self.report(name, path, &beside)?;
        let mut others: Vec<EvalReport> = Vec::new();
        for other in retrained {
            let alone = Beside { subject: other, retrained: None, ..beside };
            others.push(take(&alone, Subject::default(), &self.metrics, &self.sets, seed));
        }
        add_gaps(&mut own, beside.subject, &others, seed);
        let answers = answers(beside.subject);
        let benchmark = self.recipe.eval.benchmark.as_deref();
        let files = benchmark.and_then(|name| eval_files::of(name, &own.metrics, &answers));
        // The scores last: where they are, the rest is.
        if let (Some(files), Some(folder)) = (files, scores.parent()) {
            files.write(folder)?;
        }
        Ok(Job::write_evaluation(scores, &own, said, &answers)?)
    }
}

/// Refuses models to compare with that make other tokens of the same rows: before anything is written.
pub fn check_comparable(recipe: &Recipe, subject: &Encoder) -> Result<()> {
    let model = &recipe.model;
    let retrained = model.retrained.iter().chain(&model.retrained_also).map(|path| ("retrained", path));
    let others = retrained.chain(model.reference.iter().map(|path| ("reference", path)));
    let others: Vec<_> = others.chain(model.shadows.iter().map(|path| ("shadow", path))).collect();
    let sets = if others.is_empty() { Vec::new() } else { sets::eval_sets(recipe)? };
    for (role, path) in others {
        let theirs = LanguageModel::read_encoder(path, &recipe.chat)?;
        for row in sets.iter().flat_map(|set| &set.rows) {
            let tokens = |encoder: &Encoder| match encoder.encode(row) {
                Ok(tokens) => Ok(Some((tokens.ids, tokens.labels))),
                // A row without an answer is reported by itself.
                Err(DataError::NoAnswer { .. }) => Ok(None),
                Err(e) => Err(e),
            };
            if tokens(subject)? != tokens(&theirs)? {
                let (model, file, line) = (path.display(), row.path.display(), row.line);
                let message =
                    format!("the {role} model `{model}` makes other tokens of `{file}`, line {line}, than the subject");
                let hint = "models are compared token by token: both need the same tokenizer and chat template";
                return Err(Refusal::new(message, hint).into());
            }
        }
    }
    Ok(())
}

/// A checkpoint's name for people: its folder's, or the run's where the folder is a run's `model`.
pub fn name_of(path: &Path) -> String {
    let named = if path.file_name().is_some_and(|n| n == "model") { path.parent().unwrap_or(path) } else { path };
    named.file_name().map_or_else(|| path.display().to_string(), |n| n.to_string_lossy().into_owned())
}
