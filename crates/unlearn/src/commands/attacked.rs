//! Making attacks on one model after the other.

use std::path::PathBuf;

use anyhow::Result;
use unlearn_core::Recipe;
use unlearn_core::attack::{Attacked, Outcome, Trial};
use unlearn_core::score::Subject;
use unlearn_data::Row;
use unlearn_engine::{LanguageModel, checkpoint};
use unlearn_eval::attacks::{Attack, Bench, Budget, Scope, Told};
use unlearn_eval::metrics::{self, Metric};
use unlearn_eval::observe::Effort;

use super::examine::name_of;
use crate::context::Context;

/// What is taken of every attempt when no metric is named.
const METRICS: [&str; 2] = ["probability", "rouge"];

/// Who attacks, and with what.
pub struct Attacker<'a> {
    pub context: &'a Context,
    pub recipe: &'a Recipe,
    pub scopes: &'a [Scope],
    pub retain: &'a [Row],
    /// Each attack under its name, with its configuration.
    pub attacks: &'a [(String, Box<dyn Attack>, toml::Table)],
    /// Where attempts are kept until all are made.
    pub state: PathBuf,
    /// What must not have changed for them to count.
    pub fingerprint: String,
}

impl Attacker<'_> {
    /// Makes every attack on a model.
    pub fn attack(&self, model: &LanguageModel, role: &str) -> Result<Attacked> {
        let digest = checkpoint::digest(&model.path)?;
        let subject = Subject { name: name_of(&model.path), path: model.path.display().to_string(), digest };
        let mut attacked = Attacked { subject, ..Attacked::default() };
        let plain = self.make(model, role, "none", &|bench| {
            bench.attempt("", |bench| bench.ask(bench.model, &|_| false)).map(|_| ())
        })?;
        attacked.plain = plain.trials.into_iter().next().unwrap_or_else(Trial::default);
        for (name, attack, _) in self.attacks {
            attacked.attacks.push(self.make(model, role, name, &|bench| attack.run(bench))?);
        }
        Ok(attacked)
    }

    fn make(
        &self,
        model: &LanguageModel,
        role: &str,
        name: &str,
        run: &dyn Fn(&mut Bench<'_>) -> Result<(), unlearn_eval::EvalError>,
    ) -> Result<Outcome> {
        let recipe = self.recipe;
        let encoder = model.encoder(&recipe.chat);
        let bar = self.context.bar(&format!("{role}: {name}"), 0);
        let attempt = std::cell::RefCell::new(String::new());
        let tell = |told: Told<'_>| match told {
            Told::Attempt(label) => label.clone_into(&mut attempt.borrow_mut()),
            Told::Progress(done, of) => {
                bar.set_total(of);
                bar.set(done, attempt.borrow().clone());
            }
        };
        let mut bench =
            Bench::new(name, (model, &encoder, &recipe.chat), (self.scopes, self.retain), (&self.context.stop, &tell));
        let metrics = self.metrics()?;
        bench.metrics = &metrics;
        bench.guard = model.guard.as_ref();
        bench.reference = recipe.model.reference.as_deref();
        bench.effort = Effort {
            batch_size: recipe.eval.batch_size,
            max_new_tokens: recipe.eval.max_new_tokens,
            samples: recipe.eval.samples,
            temperature: recipe.eval.temperature,
            ..Effort::default()
        };
        let section = &recipe.attack;
        bench.budget = Budget { steps: section.steps, queries: section.queries, seconds: section.seconds };
        bench.seed = unlearn_core::seed::number(recipe.seed, &format!("attack {name}"));
        bench.state = Some((self.state.join(role).join(name), self.fingerprint.clone()));
        run(&mut bench)?;
        Ok(bench.finish())
    }

    fn metrics(&self) -> Result<Vec<&'static Metric>> {
        let named = &self.recipe.eval.metrics;
        let usual = || METRICS.map(str::to_owned).to_vec();
        Ok(metrics::by_name(&if named.is_empty() { usual() } else { named.clone() })?)
    }
}
