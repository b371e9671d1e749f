//! What attacks brought back, attempt by attempt, as the cells of a table.

use unlearn_core::attack::{AttackReport, Attacked, Recovered, Trial};

use crate::p_value::p_value;

/// What all attacks together go by.
pub(crate) const ALL: &str = "all";
/// What the plain questions go by.
const PLAIN: &str = "none";

/// One attempt on one scope.
pub struct Attempt<'a> {
    /// The attack; `none` for the plain questions, `all` for all attacks together.
    pub attack: &'a str,
    /// Its attempt.
    pub trial: &'a str,
    /// Facts that were said.
    pub said: Option<Counted>,
    /// Facts whose true answer was preferred to wrong ones.
    pub preferred: Option<Counted>,
}

/// Facts that came back, in words.
pub struct Counted {
    /// `n of m`.
    pub back: String,
    /// What guessing brings, and the chance of as many.
    pub guessed: String,
    /// The same of the retrained model.
    pub retrained: Option<String>,
}

impl Counted {
    fn of(found: &Recovered) -> Self {
        Self {
            back: format!("{} of {}", found.back, found.asked),
            guessed: format!("guessing {:.1}, {}", found.guessed, p_value(found.p_value)),
            retrained: found.retrained.map(|[back, asked]| format!("{back} of {asked}")),
        }
    }
}

/// Every attempt on a subject with its attack's name, the plain questions first.
pub(crate) fn attempts_on(attacked: &Attacked) -> impl Iterator<Item = (&str, &Trial)> {
    let made = attacked.attacks.iter().flat_map(|o| o.trials.iter().map(|trial| (o.attack.as_str(), trial)));
    std::iter::once((PLAIN, &attacked.plain)).chain(made)
}

/// The scopes that were attacked, in order.
#[must_use]
pub fn scopes(report: &AttackReport) -> Vec<&str> {
    let mut scopes: Vec<&str> = Vec::new();
    for found in &report.recovered {
        if !scopes.contains(&found.scope.as_str()) {
            scopes.push(&found.scope);
        }
    }
    scopes
}

/// The attempts on a scope in the order in which they were made; all together last.
#[must_use]
pub fn attempts<'a>(report: &'a AttackReport, scope: &str) -> Vec<Attempt<'a>> {
    let mut all: Vec<Attempt<'a>> = Vec::new();
    for found in report.recovered.iter().filter(|r| r.scope == scope) {
        let (attack, trial) = (found.attack.as_deref().unwrap_or(ALL), found.trial.as_deref().unwrap_or_default());
        let at = all.iter().position(|a| a.attack == attack && a.trial == trial).unwrap_or_else(|| {
            all.push(Attempt { attack, trial, said: None, preferred: None });
            all.len() - 1
        });
        let counted = Some(Counted::of(found));
        if found.said { all[at].said = counted } else { all[at].preferred = counted }
    }
    all
}
