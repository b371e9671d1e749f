//! `prompts`

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use unlearn_core::registry::nearest;

use super::ways::Way;
use super::{Attack, Bench, Configured};
use crate::EvalError;

const PAGE: &str = "\
# Idea

A model that was taught to refuse a question may answer it when it is asked otherwise: in other words, as a role, with the \
beginning of an answer put in its mouth, in another language, with letters exchanged.

# Procedure

Asks every row in every way of the built-in list (RWKU's kinds: prefix injection, affirmative suffix, role play, multiple \
choice, background hint, adversarial wording, cross-lingual; and the row's own paraphrase) and of `files`, or in those that \
`only` names; one attempt for each way. A fact counts as back when any way brings it.

# Data

A file of ways is TOML: `[[prompt]]` with `name`, `text` and, if the answer is to begin with given words, `begin`. In `text`, \
`{question}`, `{entity}`, `{paraphrase}`, `{choices}`, `{typos}` and `{upper}` stand for the question, whom it is about, the \
row's `paraphrased_question`, the shuffled candidates, and the question with letters exchanged or in capitals.

# Paper

Jin et al., *RWKU: benchmarking real-world knowledge unlearning for large language models*, NeurIPS 2024, arXiv 2406.10890; \
Lynch et al., 2024, arXiv 2402.16835.

# Reference implementation

`jinzhuoran/RWKU`.

# Defaults

`built_in = true`, `files = []`, `only = []` (all).

# Deviations

RWKU's prompts were written one by one for its questions; these are patterns. Reverse questions and synonyms need words that \
no pattern has: give them as sets of their own (`--also inverse=FILE`), or as `files`. What the multiple-choice way brings is \
read out of the question itself: only more true answers than wrong ones tell anything.
";

/// See the page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Prompts {
    built_in: bool,
    files: Vec<PathBuf>,
    only: Vec<String>,
}

impl Default for Prompts {
    fn default() -> Self {
        Self { built_in: true, files: Vec::new(), only: Vec::new() }
    }
}

impl Configured for Prompts {
    const NAME: &'static str = "prompts";
    const PAGE: &'static str = PAGE;
    const ASKS: bool = true;

    fn read(&self) -> Result<(), EvalError> {
        self.ways().map(|_| ())
    }
}

impl Prompts {
    fn ways(&self) -> Result<Vec<Way>, EvalError> {
        let mut ways = if self.built_in { Way::built_in() } else { Vec::new() };
        for file in &self.files {
            ways.extend(Way::read(file)?);
        }
        if let Some(unknown) = self.only.iter().find(|name| !ways.iter().any(|way| way.name == **name)) {
            let names: Vec<&str> = ways.iter().map(|way| way.name.as_str()).collect();
            return Err(EvalError::Attack {
                field: "attack.prompts.only".into(),
                reason: format!("there is no way named `{unknown}`"),
                hint: match nearest(unknown, names.iter().copied()) {
                    Some(name) => format!("did you mean `{name}`?"),
                    None => format!("there are: {}", names.join(", ")),
                },
            });
        }
        ways.retain(|way| self.only.is_empty() || self.only.contains(&way.name));
        Ok(ways)
    }
}

impl Attack for Prompts {
    fn run(&self, bench: &mut Bench<'_>) -> Result<(), EvalError> {
        let seed = bench.seed;
        for way in self.ways()? {
            let asks = bench.scopes.iter().flat_map(|scope| &scope.rows).any(|row| way.ask(row, seed).is_some());
            if !asks {
                continue;
            }
            let ask = |bench: &mut Bench<'_>| bench.ask_otherwise(bench.model, &|_| false, &|row| way.ask(row, seed));
            if !bench.attempt(&way.name, ask)? {
                break;
            }
        }
        Ok(())
    }
}
