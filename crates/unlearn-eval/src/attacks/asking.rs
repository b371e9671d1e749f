//! How a bench puts its questions to a subject.

use unlearn_core::attack::{Caught, Trial};
use unlearn_data::Row;
use unlearn_engine::LanguageModel;

use super::candidates::preferred;
use super::{Bench, Candidates, Scope};
use crate::metrics::Takes;
use crate::observe::Effort;
use crate::{EvalError, EvalSet, Needs, Observations, Observer, Store, score};

impl Bench<'_> {
    /// Asks a subject all questions, but for rows that the attacker was shown: `shown` says which.
    ///
    /// # Errors
    /// When a row does not fit the subject, or its answers are not numbers.
    pub fn ask(&self, subject: &LanguageModel, shown: &dyn Fn(&Row) -> bool) -> Result<Trial, EvalError> {
        self.ask_otherwise(subject, shown, &|row| Some(row.clone()))
    }

    /// The same in other words: `other` gives each row as it is asked; none where it cannot be. What counts as said
    /// is by the row as it was.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub fn ask_otherwise(
        &self,
        subject: &LanguageModel,
        shown: &dyn Fn(&Row) -> bool,
        other: &dyn Fn(&Row) -> Option<Row>,
    ) -> Result<Trial, EvalError> {
        self.ask_observer(&self.observer(subject), shown, other)
    }

    /// The bench's subject asked in other words as a user behind the guard asks it, whoever found the words.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub fn ask_through_guard(
        &self,
        shown: &dyn Fn(&Row) -> bool,
        other: &dyn Fn(&Row) -> Option<Row>,
    ) -> Result<Trial, EvalError> {
        self.ask_observer(&Observer { guard: self.guard, ..self.observer(self.model) }, shown, other)
    }

    fn ask_observer(
        &self,
        observer: &Observer<'_>,
        shown: &dyn Fn(&Row) -> bool,
        other: &dyn Fn(&Row) -> Option<Row>,
    ) -> Result<Trial, EvalError> {
        let mut trial = Trial::default();
        for scope in self.scopes {
            let asked: Vec<Option<Row>> =
                scope.rows.iter().map(|row| if shown(row) { None } else { other(row) }).collect();
            let set = EvalSet::new(&scope.name, asked.iter().flatten().cloned().collect());
            let mut done = |n: usize| self.progress(scope, n / 2);
            let seen = observer.observe(&set, self.needs(), &mut done)?;
            trial.cost.queries += set.rows.len() as u64;
            trial.cost.forward_tokens += seen.spent.total();
            let caught = self.caught(scope, &asked, &seen);
            trial.scopes.insert(scope.name.clone(), caught);
        }
        Ok(trial)
    }

    fn needs(&self) -> Needs {
        let asked = Needs { answer: true, perturbed: true, generations: true, ..Needs::NONE };
        self.metrics
            .iter()
            .filter(|m| matches!(m.takes, Takes::Rows(_) | Takes::Set(_)))
            .fold(asked, |n, m| n.or(m.needs))
    }

    /// An observer that keeps nothing: an attacked subject is on no disk.
    #[must_use]
    pub fn observer<'m>(&'m self, subject: &'m LanguageModel) -> Observer<'m> {
        Observer {
            model: subject,
            guard: self.guard.filter(|_| self.only_asks),
            encoder: self.encoder,
            digest: String::new(),
            store: Store::none(),
            effort: Effort { seed: self.seed, ..self.effort },
        }
    }

    /// What was caught of a scope, of which some rows were asked.
    fn caught(&self, scope: &Scope, asked: &[Option<Row>], seen: &Observations) -> Caught {
        let mut caught = Caught::default();
        let mut at = 0;
        for (row, asked) in scope.rows.iter().zip(asked) {
            let place = asked.as_ref().map(|_| {
                at += 1;
                at - 1
            });
            let text = place.and_then(|i| seen.generations.get(i)).cloned().flatten();
            let heard = text.as_ref().and_then(|text| Some(Candidates::of(row)?.heard(text)));
            caught.words.push(text.filter(|_| heard.is_some()));
            caught.said.push(heard);
            caught.chosen.push(place.and_then(|i| preferred(seen.likelihoods.get(i)?)));
        }
        for metric in self.metrics {
            let score = match &metric.takes {
                Takes::Rows(rows) => score::of_rows(rows, &scope.name, seen, self.seed),
                Takes::Set(of) => of(seen, &scope.name, self.seed),
                _ => None,
            };
            if let Some(value) = score.and_then(|score| score.value) {
                caught.metrics.insert(metric.name.to_owned(), value);
            }
        }
        caught
    }
}
