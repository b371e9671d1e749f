//! `soft-prompt`

use std::ops::ControlFlow;

use serde::{Deserialize, Serialize};
use unlearn_core::attack::{Caught, Trial};
use unlearn_data::Row;
use unlearn_engine::generate::Options;

use super::prompt_search::{
    Goal, Problem, SoftPrompt, SoftState, Stop, Words, answers_behind, likelihoods_behind, soft_search,
};
use super::relearn::same_fact;
use super::universal::{Universal, cost, found, pause, resumed};
use super::{Attack, Bench, Candidates, Configured, Scope, Told};
use crate::EvalError;

/// See the page of the search, [`SoftPrompt`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SoftPromptAttack {
    #[serde(flatten)]
    search: SoftPrompt,
    #[serde(flatten)]
    universal: Universal,
}

impl Configured for SoftPromptAttack {
    const NAME: &'static str = "soft-prompt";
    const PAGE: &'static str = SoftPrompt::PAGE;

    fn check(&self) -> Result<(), (&'static str, &'static str)> {
        self.universal.check()
    }
}

impl Attack for SoftPromptAttack {
    fn run(&self, bench: &mut Bench<'_>) -> Result<(), EvalError> {
        if !self.universal.affords(bench, 0) {
            return Ok(());
        }
        bench.attempt("found on other facts", |bench| {
            let mut all: Option<Trial> = None;
            for (fold, (found_on, asked)) in self.universal.folds(bench).into_iter().enumerate() {
                let trial = self.fold(bench, (fold, &found_on, &asked))?;
                all = Some(all.map_or_else(|| trial.clone(), |sum| sum.or(&trial)));
            }
            Ok(all.unwrap_or_default())
        })?;
        Ok(())
    }
}

impl SoftPromptAttack {
    fn fold(&self, bench: &Bench<'_>, (fold, found_on, asked): (usize, &[Row], &[Row])) -> Result<Trial, EvalError> {
        let goals = self.universal.goals(bench, found_on)?;
        let start = self.search.begin(bench.model)?;
        let places = start.len() / bench.model.decoder.config().hidden_size;
        let words = Words { ascii: false, reversible: false };
        let problem = Problem::new(bench.model, &goals, places, words, bench.effort.tokens)?;
        let place = self.universal.paused(bench, fold);
        let budget = self.universal.budget(bench, 0);
        let steps = budget.steps.unwrap_or(self.search.steps);
        let mut watch = |state: &SoftState| {
            (bench.tell)(Told::Progress(state.spent.steps, steps));
            if bench.go_on().is_err() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let outcome = soft_search(&self.search, &problem, &start, &budget, resumed(&place), &mut watch)?;
        if outcome.stopped == Stop::Asked {
            pause(&place, &outcome.state)?;
            bench.go_on()?;
        }
        let mut trial = Trial { numbers: found(&outcome.curve), cost: cost(outcome.spent), ..Trial::default() };
        for scope in bench.scopes {
            let caught = self.ask(bench, scope, (asked, &outcome.vectors), &mut trial)?;
            trial.scopes.insert(scope.name.clone(), caught);
        }
        Ok(trial)
    }

    /// Asks the rows of a scope that belong to the asked facts, behind the vectors.
    fn ask(
        &self,
        bench: &Bench<'_>,
        scope: &Scope,
        (asked, vectors): (&[Row], &[f32]),
        trial: &mut Trial,
    ) -> Result<Caught, EvalError> {
        let options = Options { max_new_tokens: bench.effort.max_new_tokens, ..Options::default() };
        let mut caught = Caught::default();
        for (i, row) in scope.rows.iter().enumerate() {
            let candidates = Candidates::of(row).filter(|_| asked.iter().any(|a| same_fact(a, row)));
            let Some(candidates) = candidates else {
                caught.said.push(None);
                caught.chosen.push(None);
                caught.words.push(None);
                continue;
            };
            bench.go_on()?;
            let goal = |answer: &str| Goal::of(bench.encoder, row, self.universal.place, Some(answer));
            let answers = row.answer_text().into_iter().chain(row.perturbed_answer.iter().map(String::as_str));
            let goals = answers.map(goal).collect::<Result<Vec<Goal>, _>>()?;
            let said = answers_behind(bench.model, &goals[..1], vectors, &options)?;
            let text = said.into_iter().next().unwrap_or_default().text.trim().to_owned();
            let likelihoods = likelihoods_behind(bench.model, &goals, vectors)?;
            let mean = |l: &Vec<f32>| Some(l.iter().map(|&x| f64::from(x)).sum::<f64>() / l.len().max(1) as f64);
            caught.chosen.push(Candidates::preferred(&likelihoods.iter().map(mean).collect::<Vec<_>>()));
            caught.said.push(Some(candidates.heard(&text)));
            trial.cost.queries += 1;
            trial.cost.forward_tokens +=
                goals.iter().map(|g| (g.prompt(&[]).len() + g.target.len()) as u64).sum::<u64>();
            caught.words.push(Some(text));
            bench.progress(scope, i + 1);
        }
        Ok(caught)
    }
}
