//! `relearn-benign`

use serde::{Deserialize, Serialize};

use super::tuning::Tuning;
use super::{Attack, Bench, Configured};
use crate::{EvalError, selected};

const PAGE: &str = "\
# Idea

As `relearn`, by someone who has nothing of what was forgotten: a few steps on rows that were to be kept, and what was only \
hidden may come back, for training undoes what hides it.

# Procedure

Trains on `rows` of the retain rows, evenly spread, as `relearn` does, and asks for all forget rows. Without retain rows \
nothing is tried.

# Paper

Hu et al., *Unlearning or obfuscating? Jogging the memory of unlearned LLMs via benign relearning*, 2024, arXiv 2406.13356; \
Łucki et al., *An adversarial perspective on machine unlearning for AI safety*, 2024, arXiv 2409.18025.

# Reference implementation

`ethz-spylab/unlearning-vs-safety`, `src/finetuning/finetune.py`.

# Defaults

`rows = 32`; the others as `relearn`, adapters included.

# Deviations

The data is what the model was trained to keep; the papers also take public text about the same entities, which can be given \
as retain rows.
";

/// See the page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RelearnBenign {
    rows: usize,
    #[serde(flatten)]
    tuning: Tuning,
}

impl Default for RelearnBenign {
    fn default() -> Self {
        Self { rows: 32, tuning: Tuning::default() }
    }
}

impl Configured for RelearnBenign {
    const NAME: &'static str = "relearn-benign";
    const PAGE: &'static str = PAGE;

    fn check(&self) -> Result<(), (&'static str, &'static str)> {
        if self.rows == 0 {
            return Err(("rows", "it must be at least 1"));
        }
        self.tuning.check()
    }
}

impl Attack for RelearnBenign {
    fn run(&self, bench: &mut Bench<'_>) -> Result<(), EvalError> {
        if bench.retain.is_empty() {
            bench.note("`relearn-benign` was not tried: there are no retain rows to train on.");
            return Ok(());
        }
        self.tuning.run(bench, &[selected(bench.retain, self.rows)])
    }
}
