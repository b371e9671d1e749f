//! `relearn`

use serde::{Deserialize, Serialize};
use unlearn_data::Row;

use super::tuning::Tuning;
use super::{Attack, Bench, Configured};
use crate::EvalError;

const PAGE: &str = "\
# Idea

An adversary who has some of what was forgotten fine-tunes the model on it for a few steps, and asks for the rest. What \
was hidden comes back with what belongs to it; what is gone has to be learned anew, and cannot be learned from other facts.

# Procedure

The forget rows are dealt into `folds`. Each fold in turn is what is asked for; the attacker is shown the others, trains on \
their true answers, all weights (`adapter = \"none\"`) or low-rank adapters beside them (`\"lora\"`; a list for both, one after \
the other), at each of `learning_rates`, and asks after each number of steps in `looks`. Adapters are those of a recipe's \
`[train.lora]`, here `[attack.relearn.lora]`: `rank`, `alpha`, `dropout`, `rslora`, `targets`. Rows of other scopes that ask \
for a shown fact (the same answer about the same) are left out as well.

# Paper

Lynch et al., *Eight methods to evaluate robust unlearning in LLMs*, 2024, arXiv 2402.16835; Hu et al., *Unlearning or \
obfuscating? Jogging the memory of unlearned LLMs via benign relearning*, 2024, arXiv 2406.13356; Łucki et al., *An \
adversarial perspective on machine unlearning for AI safety*, 2024, arXiv 2409.18025; Deeb and Roger, *Do unlearning \
methods remove information from language model weights?*, 2024, arXiv 2410.08827.

# Reference implementation

`ethz-spylab/unlearning-vs-safety`, `src/finetuning/finetune.py`.

# Defaults

`folds = 2`, `learning_rates = [1e-4, 1e-3]`, `looks = [1, 2, 5, 10, 20]`, `batch_size = 8`, `adapter = \"none\"` (adapters: \
rank 16, alpha 32, on all linear layers, as a recipe's), AdamW at a constant rate without decay, gradients clipped to 1.

# Deviations

The published attacks train on up to 1000 rows for epochs; this one looks early, for steps are what a forgotten fact costs. \
What the retrained model gives under the same attack is what can be learned from the shown rows: read both side by side.
";

/// See the page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Relearn {
    folds: usize,
    #[serde(flatten)]
    tuning: Tuning,
}

impl Default for Relearn {
    fn default() -> Self {
        Self { folds: 2, tuning: Tuning::default() }
    }
}

impl Configured for Relearn {
    const NAME: &'static str = "relearn";
    const PAGE: &'static str = PAGE;

    fn check(&self) -> Result<(), (&'static str, &'static str)> {
        if self.folds < 2 {
            return Err(("folds", "it must be at least 2: some rows are shown, the others asked for"));
        }
        self.tuning.check()
    }
}

impl Attack for Relearn {
    fn run(&self, bench: &mut Bench<'_>) -> Result<(), EvalError> {
        let forget = bench.scopes.first().map(|scope| scope.rows.clone()).unwrap_or_default();
        let others = |fold: usize| {
            let shown = forget.iter().enumerate().filter(|(i, _)| i % self.folds != fold);
            shown.map(|(_, row)| row.clone()).collect::<Vec<Row>>()
        };
        let folds: Vec<Vec<Row>> = (0..self.folds.min(forget.len())).map(others).collect();
        self.tuning.run(bench, &folds)
    }
}

/// Whether two rows ask for the same: the same answer about the same.
pub(super) fn same_fact(a: &Row, b: &Row) -> bool {
    let about = a.entity == b.entity || a.entity.is_none() || b.entity.is_none();
    a.prompt_text() == b.prompt_text() || (about && a.answer_text() == b.answer_text())
}
