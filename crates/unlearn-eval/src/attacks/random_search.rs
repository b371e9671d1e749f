//! `random-search`

use serde::{Deserialize, Serialize};

use super::prompt_search::RandomSearch;
use super::universal::Universal;
use super::{Attack, Bench, Configured};
use crate::EvalError;

/// See the page of the search, [`RandomSearch`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RandomSearchAttack {
    #[serde(flatten)]
    search: RandomSearch,
    #[serde(flatten)]
    universal: Universal,
}

impl Configured for RandomSearchAttack {
    const NAME: &'static str = "random-search";
    const PAGE: &'static str = RandomSearch::PAGE;

    fn check(&self) -> Result<(), (&'static str, &'static str)> {
        self.universal.check()
    }
}

impl Attack for RandomSearchAttack {
    fn run(&self, bench: &mut Bench<'_>) -> Result<(), EvalError> {
        let start = self.search.begin(bench.model)?;
        self.universal.run(&self.search, &start, bench)
    }
}
