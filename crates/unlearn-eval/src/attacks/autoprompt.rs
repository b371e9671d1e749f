//! `autoprompt`

use serde::{Deserialize, Serialize};

use super::prompt_search::AutoPrompt;
use super::universal::Universal;
use super::{Attack, Bench, Configured};
use crate::EvalError;

/// See the page of the search, [`AutoPrompt`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AutoPromptAttack {
    #[serde(flatten)]
    search: AutoPrompt,
    #[serde(flatten)]
    universal: Universal,
}

impl Configured for AutoPromptAttack {
    const NAME: &'static str = "autoprompt";
    const PAGE: &'static str = AutoPrompt::PAGE;

    fn check(&self) -> Result<(), (&'static str, &'static str)> {
        self.universal.check()
    }
}

impl Attack for AutoPromptAttack {
    fn run(&self, bench: &mut Bench<'_>) -> Result<(), EvalError> {
        let start = self.search.begin(bench.model)?;
        self.universal.run(&self.search, &start, bench)
    }
}
