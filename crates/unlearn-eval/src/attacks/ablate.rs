//! `ablate`

use serde::{Deserialize, Serialize};
use unlearn_engine::decoder::Change;

use super::layers::{means, questions, spread};
use super::steer::{asked_or_nothing, differences, towards_the_reference};
use super::{Attack, Bench, Configured};
use crate::{EvalError, selected};

const PAGE: &str = "\
# Idea

Where forgetting is one direction in the stream, which the model writes when a question is about what was forgotten, a model \
that cannot write it has not forgotten.

# Procedure

The direction of a layer is the difference between the mean stream of the subject in forget questions (over their tokens but \
each one's first) and that of the reference in the same; without a reference, that of the subject in as many retain questions. It \
is taken out of the stream at every token while the subject answers: `h - (h · r) r`. In the attempt `own direction`, each \
layer's own is taken out behind it; in `direction of layer L`, for each of `layers` layers, evenly spread and counted from 0, that \
one behind every layer. Without a reference and retain rows nothing is tried. The questions' answers are not read.

# Paper

Łucki et al., *An adversarial perspective on machine unlearning for AI safety*, 2024, arXiv 2409.18025; Arditi et al., *Refusal \
in language models is mediated by a single direction*, 2024, arXiv 2406.11717.

# Reference implementation

`ethz-spylab/unlearning-vs-safety`, `src/orthogonalization`.

# Defaults

`layers = 4` (0: all).

# Deviations

The direction is taken out of the stream behind each block, not of what every matrix writes into it, and no outlying states are \
dropped from the means but those of first tokens. A direction that separates two sets of questions may also be what they are \
about: read it beside the retrained model, treated alike.
";

/// See the page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Ablate {
    layers: usize,
}

impl Default for Ablate {
    fn default() -> Self {
        Self { layers: 4 }
    }
}

impl Configured for Ablate {
    const NAME: &'static str = "ablate";
    const PAGE: &'static str = PAGE;
}

impl Attack for Ablate {
    fn run(&self, bench: &mut Bench<'_>) -> Result<(), EvalError> {
        let Some(directions) = directions(bench)? else { return Ok(()) };
        let directions: Vec<Option<Change>> = directions.iter().map(|d| Change::removing(d)).collect();
        let own = directions.iter().enumerate().filter_map(|(layer, d)| Some((layer, d.clone()?))).collect();
        let mut all: Vec<(String, Vec<(usize, Change)>)> = vec![("own direction".into(), own)];
        for layer in spread(bench.model, self.layers) {
            let everywhere = directions[layer].iter().flat_map(|d| (0..directions.len()).map(|l| (l, d.clone())));
            all.push((format!("direction of layer {layer}"), everywhere.collect()));
        }
        // Where two models are the same, there is no direction.
        for (label, changes) in all.into_iter().filter(|(_, changes)| !changes.is_empty()) {
            let without = bench.model.with_changes(changes);
            if !bench.attempt(&label, |bench| asked_or_nothing(bench.ask(&without, &|_| false)))? {
                break;
            }
        }
        Ok(())
    }
}

fn directions(bench: &Bench<'_>) -> Result<Option<Vec<Vec<f64>>>, EvalError> {
    if let Some(found) = towards_the_reference(bench)? {
        return Ok(Some(found));
    }
    let Some(forget) = bench.scopes.first() else { return Ok(None) };
    let forget = questions(bench, &forget.rows)?;
    let retain = questions(bench, &selected(bench.retain, forget.len()))?;
    if forget.is_empty() || retain.is_empty() {
        return Ok(None);
    }
    Ok(Some(differences(&means(bench, bench.model, &forget)?, &means(bench, bench.model, &retain)?)))
}
