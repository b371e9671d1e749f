//! `prune`

use serde::{Deserialize, Serialize};
use unlearn_core::attack::Trial;
use unlearn_data::TokenRow;
use unlearn_engine::compress::{Importance, pruned};

use super::bench::numbers;
use super::{Attack, Bench, Configured};
use crate::{EvalError, selected};

const PAGE: &str = "\
# Idea

Small weights are set to 0 to make a model smaller. If what hides an answer is in few or small weights, it goes with them.

# Procedure

Sets the share `shares` of the weights of every matrix inside the blocks to 0, and asks. `by = \"magnitude\"`: the smallest of \
the whole matrix; `\"wanda\"`: for each output, the weights with the smallest `|w| · ‖x‖`, with `‖x‖` the root of the sum of \
squares of the input that the weight is applied to, over `rows` retain rows (forget rows where there are none).

# Paper

Sun et al., *A simple and effective pruning approach for large language models*, ICLR 2024, arXiv 2306.11695 (Wanda); Wei et \
al., *Assessing the brittleness of safety alignment via pruning and low-rank modifications*, ICML 2024, arXiv 2402.05162.

# Reference implementation

`locuslab/wanda`, `lib/prune.py`.

# Defaults

`by = [\"magnitude\", \"wanda\"]`, `shares = [0.1, 0.3, 0.5]`, `rows = 32`.

# Deviations

Inputs are measured in the whole model, not in one whose lower layers are pruned already.
";

/// See the page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Prune {
    by: Vec<By>,
    shares: Vec<f64>,
    rows: usize,
}

/// What makes a weight small.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum By {
    Magnitude,
    Wanda,
}

impl Default for Prune {
    fn default() -> Self {
        Self { by: vec![By::Magnitude, By::Wanda], shares: vec![0.1, 0.3, 0.5], rows: 32 }
    }
}

impl Configured for Prune {
    const NAME: &'static str = "prune";
    const PAGE: &'static str = PAGE;

    fn check(&self) -> Result<(), (&'static str, &'static str)> {
        if self.rows == 0 {
            return Err(("rows", "it must be at least 1"));
        }
        match self.shares.iter().any(|share| !(*share > 0.0 && *share < 1.0)) {
            true => Err(("shares", "each must be between 0 and 1")),
            false => Ok(()),
        }
    }
}

impl Attack for Prune {
    fn run(&self, bench: &mut Bench<'_>) -> Result<(), EvalError> {
        for &by in &self.by {
            for &share in &self.shares {
                let name = if by == By::Wanda { "wanda" } else { "magnitude" };
                let made = bench.attempt(&format!("{name} {share}"), |bench| {
                    let importance = match by {
                        By::Magnitude => Importance::Magnitude,
                        By::Wanda => Importance::of_inputs(bench.model, &self.inputs(bench)?),
                    };
                    let trial = bench.ask(&pruned(bench.model, &importance, share), &|_| false)?;
                    Ok(Trial { numbers: numbers([("share", share)]), ..trial })
                })?;
                if !made {
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

impl Prune {
    fn inputs(&self, bench: &Bench<'_>) -> Result<Vec<TokenRow>, EvalError> {
        let forget = bench.scopes.first().map(|scope| scope.rows.as_slice()).unwrap_or_default();
        let rows = if bench.retain.is_empty() { forget } else { bench.retain };
        selected(rows, self.rows).iter().map(|row| Ok(bench.encoder.encode(row)?)).collect()
    }
}
