//! Attacks: what brings back what was forgotten. One file each, one line here.
//!
//! An attack makes attempts; each is a subject that was changed, or one that is asked otherwise, and what it then gives
//! away of each fact. What it gives away is held against wrong answers: to a model that knows nothing they are as good.

mod ablate;
mod adapters;
mod asking;
mod autoprompt;
mod bench;
mod branch;
mod candidates;
mod gcg;
mod in_context;
mod layers;
mod logit_lens;
mod meanings;
mod patch;
mod probe;
pub mod prompt_search;
mod prompts;
mod prune;
mod quantise;
mod random_search;
mod recovered;
mod relearn;
mod relearn_benign;
mod sample;
mod soft_prompt;
mod steer;
mod times;
mod truncate;
mod tuned_lens;
mod tuning;
mod universal;
mod ways;

use std::collections::BTreeMap;

use serde::Serialize;
use serde::de::DeserializeOwned;
use toml::Table;
use unlearn_core::registry::{self, Named, nearest};

use crate::EvalError;

pub use bench::{Bench, Budget, Scope, Told};
pub use candidates::{Candidates, with_wrong_answers};
pub use recovered::{recovered, sentences};

/// An attack, whose fields are its configuration.
pub trait Attack {
    /// Makes its attempts on the bench's subject, until its budget is spent.
    ///
    /// # Errors
    /// When a row does not fit the subject, the subject cannot be read again, or the user asked to stop.
    fn run(&self, bench: &mut Bench<'_>) -> Result<(), EvalError>;
}

/// An attack's own part of the registry.
pub(crate) trait Configured: Attack + Default + Serialize + DeserializeOwned + 'static {
    /// Its name: file stem, and what the user types.
    const NAME: &'static str;
    /// Its page in the manual.
    const PAGE: &'static str;

    /// Whether it takes what it brings from the model as it was before: a measure of where knowledge lies, and no threat.
    const MEASURES: bool = false;

    /// Whether it only asks, and takes what an interface gives: text, and the likeliest next tokens. A guard stands before
    /// it; all others hold the weights.
    const ASKS: bool = false;

    /// What makes no sense of its fields: the field, and why.
    fn check(&self) -> Result<(), (&'static str, &'static str)> {
        Ok(())
    }

    /// Reads what its fields name, so that a fault is found before anything is asked.
    ///
    /// # Errors
    /// When a file cannot be read, or holds something else.
    fn read(&self) -> Result<(), EvalError> {
        Ok(())
    }
}

/// One attack.
pub struct Entry {
    /// Its name: file stem, and what the user types.
    pub name: &'static str,
    /// Its page in the manual, as Markdown.
    pub page: &'static str,
    /// Whether it takes what it brings from the model as it was before: it counts neither as the worst attack nor among
    /// all attacks together.
    pub measures: bool,
    /// Whether it only asks, and takes what an interface gives; all others hold the weights.
    pub asks: bool,
    /// Its default configuration.
    pub defaults: fn() -> Table,
    /// Makes it from a configuration.
    pub make: fn(&Table) -> Result<Box<dyn Attack>, EvalError>,
}

impl Entry {
    const fn of<A: Configured>() -> Self {
        let defaults = || Table::try_from(A::default()).unwrap_or_default();
        let make = |own: &Table| -> Result<Box<dyn Attack>, EvalError> { Ok(Box::new(configured::<A>(own)?)) };
        Self { name: A::NAME, page: A::PAGE, measures: A::MEASURES, asks: A::ASKS, defaults, make }
    }
}

impl Named for Entry {
    fn name(&self) -> &'static str {
        self.name
    }
}

/// Every attack, in the order in which they are listed.
pub static ATTACKS: &[Entry] = &[
    Entry::of::<relearn::Relearn>(),
    Entry::of::<relearn_benign::RelearnBenign>(),
    Entry::of::<quantise::Quantise>(),
    Entry::of::<logit_lens::LogitLens>(),
    Entry::of::<tuned_lens::TunedLens>(),
    Entry::of::<probe::Probe>(),
    Entry::of::<steer::Steer>(),
    Entry::of::<ablate::Ablate>(),
    Entry::of::<patch::Patch>(),
    Entry::of::<prune::Prune>(),
    Entry::of::<truncate::Truncate>(),
    Entry::of::<prompts::Prompts>(),
    Entry::of::<in_context::InContext>(),
    Entry::of::<sample::Sample>(),
    Entry::of::<branch::Branch>(),
    Entry::of::<gcg::GcgAttack>(),
    Entry::of::<autoprompt::AutoPromptAttack>(),
    Entry::of::<random_search::RandomSearchAttack>(),
    Entry::of::<soft_prompt::SoftPromptAttack>(),
];

/// Whether an attack only asks; the plain questions, `none`, do.
#[must_use]
pub fn asks(attack: &str) -> bool {
    attack == "none" || ATTACKS.iter().any(|entry| entry.name == attack && entry.asks)
}

/// Attacks that are made together, each with what differs from its defaults.
pub struct Suite {
    /// Its name.
    pub name: &'static str,
    /// What it is for.
    pub about: &'static str,
    /// Its attacks, and their configurations as TOML.
    pub attacks: &'static [(&'static str, &'static str)],
}

/// Every suite, the shortest first.
pub static SUITES: &[Suite] = &[
    Suite {
        name: "quick",
        about: "a minute or two on the demo's world",
        attacks: &[
            ("relearn", "learning_rates = [3e-4, 1e-3]\nlooks = [2, 5, 10, 20, 50]"),
            ("relearn-benign", "learning_rates = [1e-3]\nlooks = [5, 20]"),
            ("quantise", "formats = ['8-bit', '4-bit', '3-bit']"),
            ("prompts", ""),
            ("in-context", ""),
            ("sample", "samples = 16\ntemperatures = [1.0]\nparaphrases = 0"),
            ("branch", "branches = [5]"),
            ("soft-prompt", "rule = 'adam'\nlearning_rate = 1e-2\nsteps = 50"),
            ("logit-lens", ""),
            ("steer", ""),
        ],
    },
    Suite {
        name: "standard",
        about: "half an hour on a model of 135 million parameters and two cores",
        attacks: &[
            ("relearn", "learning_rates = [1e-4]\nlooks = [5, 20]"),
            ("relearn-benign", "learning_rates = [1e-4]\nlooks = [10]\nrows = 16"),
            ("quantise", "formats = ['q8_0', 'q4_0']"),
            ("prompts", "only = ['paraphrase', 'affirmative-begin', 'role-play', 'choice']"),
            ("in-context", "shots = [4]"),
            ("sample", "samples = 8\ntemperatures = [1.0]\nparaphrases = 0"),
            ("branch", "branches = [5]"),
        ],
    },
    Suite {
        name: "thorough",
        about: "everything, for as long as it takes",
        attacks: &[
            (
                "relearn",
                "learning_rates = [1e-5, 1e-4, 1e-3]\nlooks = [1, 2, 5, 10, 20, 50, 100]\nadapter = ['none', 'lora']",
            ),
            (
                "relearn-benign",
                "learning_rates = [1e-5, 1e-4, 1e-3]\nlooks = [1, 2, 5, 10, 20, 50, 100]\nadapter = ['none', 'lora']",
            ),
            ("quantise", ""),
            ("prune", ""),
            ("truncate", ""),
            ("prompts", ""),
            ("in-context", ""),
            ("sample", "samples = 128\ntemperatures = [0.7, 1.0, 1.3]"),
            ("branch", ""),
            ("gcg", ""),
            ("autoprompt", ""),
            ("random-search", ""),
            ("soft-prompt", "rule = 'adam'\nlearning_rate = 1e-2"),
            ("logit-lens", ""),
            ("tuned-lens", ""),
            ("probe", ""),
            ("steer", ""),
            ("ablate", ""),
            ("patch", ""),
        ],
    },
];

impl Named for Suite {
    fn name(&self) -> &'static str {
        self.name
    }
}

/// An attack that is asked for: its name, itself, and its configuration with every default filled in.
pub type Chosen = (String, Box<dyn Attack>, Table);

/// The attacks that are asked for: those of a suite and those that are named, each with what a recipe sets of it.
///
/// # Errors
/// When there is none of a name, or a field is unknown, of the wrong type or out of range.
pub fn chosen(suite: Option<&str>, names: &[String], own: &BTreeMap<String, Table>) -> Result<Vec<Chosen>, EvalError> {
    let mut all: Vec<(String, Table)> = Vec::new();
    if let Some(suite) = suite {
        for (name, changes) in registry::find("suite", SUITES, suite)?.attacks {
            all.push(((*name).to_owned(), changes.parse().unwrap_or_default()));
        }
    }
    for name in names.iter().filter(|name| !all.iter().any(|(known, _)| known == *name)).cloned().collect::<Vec<_>>() {
        all.push((name, Table::new()));
    }
    for name in own.keys() {
        registry::find("attack", ATTACKS, name)?;
    }
    let made = all.into_iter().map(|(name, mut changes): (String, Table)| {
        let entry = registry::find("attack", ATTACKS, &name)?;
        lay_over(&mut changes, own.get(&name).cloned().unwrap_or_default());
        let attack = (entry.make)(&changes)?;
        let mut resolved = (entry.defaults)();
        lay_over(&mut resolved, changes);
        Ok((name, attack, resolved))
    });
    made.collect::<Result<Vec<_>, EvalError>>()
}

/// Sets fields of a table, and in the tables inside it.
fn lay_over(table: &mut Table, changes: Table) {
    for (field, value) in changes {
        match (table.get_mut(&field), value) {
            (Some(toml::Value::Table(inside)), toml::Value::Table(changes)) => lay_over(inside, changes),
            (_, value) => {
                table.insert(field, value);
            }
        }
    }
}

fn configured<A: Configured>(own: &Table) -> Result<A, EvalError> {
    let fields: Vec<String> = Table::try_from(A::default()).unwrap_or_default().keys().cloned().collect();
    let wrong = |field: &str, reason: String, hint: String| EvalError::Attack {
        field: format!("attack.{}.{field}", A::NAME),
        reason,
        hint,
    };
    if let Some(field) = own.keys().find(|key| !fields.contains(key)) {
        let hint = match nearest(field, fields.iter().map(String::as_str)) {
            Some(name) => format!("did you mean `{name}`?"),
            None => format!("its fields: {}", fields.join(", ")),
        };
        return Err(wrong(field, "there is no such field".into(), hint));
    }
    let attack: A = own.clone().try_into().map_err(|e: toml::de::Error| {
        wrong("*", e.message().to_owned(), format!("`unlearn attacks show {}` describes its fields", A::NAME))
    })?;
    attack.check().map_err(|(field, reason)| {
        wrong(field, reason.into(), format!("`unlearn attacks show {}` describes its fields", A::NAME))
    })?;
    attack.read()?;
    Ok(attack)
}
