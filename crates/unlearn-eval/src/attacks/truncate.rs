//! `truncate`

use serde::{Deserialize, Serialize};
use unlearn_core::attack::Trial;
use unlearn_engine::compress::without_leading;

use super::bench::numbers;
use super::{Attack, Bench, Configured};
use crate::EvalError;

const PAGE: &str = "\
# Idea

What unlearning changed is often a few directions of each matrix. Taken out, the rest of the change stays, and what was \
forgotten may be back: then the model's knowledge was covered, not removed.

# Procedure

Of the difference of every matrix inside the blocks to the reference's, removes the `ranks` leading singular directions, and \
asks: `W - U_k S_k V_k^T` with `U S V^T = W - W_reference`. Needs the reference (`--reference`); without one of the same shape \
nothing is tried. `left` is the share of the differences' squared norm that stays.

# Paper

Wei et al., *Assessing the brittleness of safety alignment via pruning and low-rank modifications*, ICML 2024, arXiv \
2402.05162 (low-rank modifications); the measure is ours.

# Reference implementation

None is followed.

# Defaults

`ranks = [1, 4, 16]`.

# Deviations

Who has the reference has what was forgotten: this attack measures how thin the cover is, and is no threat by itself. With \
`k` at the full rank the subject is the reference's again.
";

/// See the page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Truncate {
    ranks: Vec<usize>,
}

impl Default for Truncate {
    fn default() -> Self {
        Self { ranks: vec![1, 4, 16] }
    }
}

impl Configured for Truncate {
    const NAME: &'static str = "truncate";
    const PAGE: &'static str = PAGE;
    const MEASURES: bool = true;

    fn check(&self) -> Result<(), (&'static str, &'static str)> {
        match self.ranks.is_empty() || self.ranks.contains(&0) {
            true => Err(("ranks", "they are numbers of directions, from 1 on")),
            false => Ok(()),
        }
    }
}

impl Attack for Truncate {
    fn run(&self, bench: &mut Bench<'_>) -> Result<(), EvalError> {
        let Some(reference) = bench.read_reference()? else { return Ok(()) };
        for &rank in &self.ranks {
            let made = bench.attempt(&format!("rank {rank}"), |bench| {
                let (model, left) = without_leading(bench.model, &reference, rank, bench.seed)?;
                let trial = bench.ask(&model, &|_| false)?;
                Ok(Trial { numbers: numbers([("rank", rank as f64), ("left", left)]), ..trial })
            })?;
            if !made {
                break;
            }
        }
        Ok(())
    }
}
