//! `gcg`

use serde::{Deserialize, Serialize};

use super::prompt_search::Gcg;
use super::universal::Universal;
use super::{Attack, Bench, Configured};
use crate::EvalError;

/// See the page of the search, [`Gcg`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct GcgAttack {
    #[serde(flatten)]
    search: Gcg,
    #[serde(flatten)]
    universal: Universal,
}

impl Configured for GcgAttack {
    const NAME: &'static str = "gcg";
    const PAGE: &'static str = Gcg::PAGE;

    fn check(&self) -> Result<(), (&'static str, &'static str)> {
        self.universal.check()
    }
}

impl Attack for GcgAttack {
    fn run(&self, bench: &mut Bench<'_>) -> Result<(), EvalError> {
        let start = self.search.begin(bench.model)?;
        self.universal.run(&self.search, &start, bench)
    }
}
