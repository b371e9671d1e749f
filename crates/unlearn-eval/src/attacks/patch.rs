//! `patch`

use serde::{Deserialize, Serialize};
use unlearn_core::attack::Trial;
use unlearn_data::TokenRow;
use unlearn_engine::LanguageModel;
use unlearn_engine::inside::{Inside, patched};

use super::layers::{Asked, Ear, asked, cost, preferred, spread};
use super::{Attack, Bench, Configured, Told};
use crate::EvalError;

const PAGE: &str = "\
# Idea

Where is it that a model lost the answer? With the stream of the model as it was before put behind one of its layers, its own \
layers above go on from there: if they still make the answer of it, they were never changed, and forgetting sits below.

# Procedure

For each of `layers` layers (0: all), evenly spread and counted from 0, one attempt: where the tokens of an answer are predicted, \
the subject's stream behind that layer is replaced by the reference's, taken on the same tokens; of the true answer and the wrong \
ones beside it, each with the reference's streams on itself, that with the largest mean log-probability is preferred. Without a \
reference nothing is tried.

**This does not show that the subject knows anything.** The reference's stream carries the answer itself, the more the higher the \
layer; behind the last one the subject only reads it out. A retrained model, patched alike, gives as much where its layers are as \
able to go on: what counts is by how much the subject gives more than that. Without a retrained model beside it, this says at \
which layer the two models part, and no more.

# Paper

Meng et al., *Locating and editing factual associations in GPT*, 2022, arXiv 2202.05262; Zhang and Nanda, *Towards best practices \
of activation patching in language models*, 2023, arXiv 2309.16042; the unlearning depth score, arXiv 2605.24614, patches the \
other way round.

# Reference implementation

`gnueaj/unlearning-depth-score`.

# Defaults

`layers = 8`.

# Deviations

Answers are weighed against wrong ones, not by the change of their own likelihood, which is what the metric \
`depth` takes.
";

/// See the page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Patch {
    layers: usize,
}

impl Default for Patch {
    fn default() -> Self {
        Self { layers: 8 }
    }
}

impl Configured for Patch {
    const NAME: &'static str = "patch";
    const PAGE: &'static str = PAGE;
    const MEASURES: bool = true;
}

impl Attack for Patch {
    fn run(&self, bench: &mut Bench<'_>) -> Result<(), EvalError> {
        let Some(reference) = bench.read_reference()? else { return Ok(()) };
        let groups = asked(bench)?;
        for layer in spread(bench.model, self.layers) {
            if !bench.attempt(&format!("layer {layer}"), |bench| from(&reference, bench, &groups, layer))? {
                break;
            }
        }
        Ok(())
    }
}

/// What the subject prefers with the reference's streams behind one layer.
fn from(reference: &LanguageModel, bench: &Bench<'_>, groups: &[Vec<Asked>], layer: usize) -> Result<Trial, EvalError> {
    let mut ear = Ear::default();
    for (done, group) in groups.iter().enumerate() {
        bench.go_on()?;
        (bench.tell)(Told::Progress(done, groups.len()));
        let rows: Vec<TokenRow> = group.iter().flat_map(|asked| asked.answers.iter().cloned()).collect();
        let inside = Inside::of(reference, &rows, bench.effort.tokens);
        let scores = patched(bench.model, &rows, layer, &inside.layers[layer], bench.effort.tokens);
        let mut means = scores.iter().map(|s| s.iter().map(|x| f64::from(*x)).sum::<f64>() / s.len().max(1) as f64);
        for asked in group {
            let values: Vec<f64> = means.by_ref().take(asked.answers.len()).collect();
            ear.hear(asked, preferred(&values));
        }
    }
    Ok(Trial { cost: cost(groups.iter().flatten()), ..ear.trial(bench, false) })
}
