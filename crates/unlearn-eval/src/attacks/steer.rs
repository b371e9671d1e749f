//! `steer`

use serde::{Deserialize, Serialize};
use unlearn_core::attack::Trial;
use unlearn_engine::decoder::Change;

use super::bench::numbers;
use super::layers::{means, questions, spread};
use super::{Attack, Bench, Configured};
use crate::EvalError;

const PAGE: &str = "\
# Idea

Many methods forget by pushing the stream of forget questions somewhere else. Whoever has the model as it was before pushes it \
back by as much: one vector, the same for all questions, which cannot hold the answers. What comes back then was there all along.

# Procedure

The mean stream over the tokens of all forget questions (but each one's first) behind each layer, of the reference and of the \
subject; their difference, times each of `strengths`, is added behind one of `layers` layers, evenly spread and counted from 0, \
at every token, while the subject answers. One attempt for each layer and strength. Without a reference nothing is tried. The \
questions' answers are not read.

# Paper

Turner et al., *Steering language models with activation engineering*, 2023, arXiv 2308.10248; Łucki et al., *An adversarial \
perspective on machine unlearning for AI safety*, 2024, arXiv 2409.18025.

# Reference implementation

`ethz-spylab/unlearning-vs-safety`, `src/orthogonalization` (the same difference, taken out instead of added; see `ablate`).

# Defaults

`layers = 4` (0: all), `strengths = [1.0, 2.0]`.

# Deviations

The vector is the difference of two models on the same questions, not of two kinds of prompts to one model. With few forget \
questions a mean is not far from a single question's stream: read it beside the retrained model, steered alike.
";

/// See the page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Steer {
    layers: usize,
    strengths: Vec<f64>,
}

impl Default for Steer {
    fn default() -> Self {
        Self { layers: 4, strengths: vec![1.0, 2.0] }
    }
}

impl Configured for Steer {
    const NAME: &'static str = "steer";
    const PAGE: &'static str = PAGE;

    fn check(&self) -> Result<(), (&'static str, &'static str)> {
        match self.strengths.iter().all(|s| s.is_finite()) {
            true => Ok(()),
            false => Err(("strengths", "each must be a finite number")),
        }
    }
}

impl Attack for Steer {
    fn run(&self, bench: &mut Bench<'_>) -> Result<(), EvalError> {
        let Some(vectors) = towards_the_reference(bench)? else { return Ok(()) };
        for layer in spread(bench.model, self.layers) {
            let vector = &vectors[layer];
            let length = vector.iter().map(|x| x * x).sum::<f64>().sqrt();
            for &strength in &self.strengths {
                let made = bench.attempt(&format!("layer {layer}, strength {strength}"), |bench| {
                    let added = vector.iter().map(|x| (strength * x) as f32).collect();
                    let steered = bench.model.with_changes([(layer, Change::Add(added))]);
                    let trial = asked_or_nothing(bench.ask(&steered, &|_| false))?;
                    Ok(Trial { numbers: numbers([("length", strength.abs() * length)]), ..trial })
                })?;
                if !made {
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

/// By layer, how far the reference's mean stream in forget questions is from the subject's; none without a reference.
pub(super) fn towards_the_reference(bench: &Bench<'_>) -> Result<Option<Vec<Vec<f64>>>, EvalError> {
    let (Some(reference), Some(forget)) = (bench.read_reference()?, bench.scopes.first()) else { return Ok(None) };
    let questions = questions(bench, &forget.rows)?;
    if questions.is_empty() {
        return Ok(None);
    }
    Ok(Some(differences(&means(bench, &reference, &questions)?, &means(bench, bench.model, &questions)?)))
}

pub(super) fn differences(of: &[Vec<f64>], from: &[Vec<f64>]) -> Vec<Vec<f64>> {
    of.iter().zip(from).map(|(a, b)| a.iter().zip(b).map(|(a, b)| a - b).collect()).collect()
}

/// A model that a change breaks, so that its answers are no numbers, gives nothing away.
pub(super) fn asked_or_nothing(asked: Result<Trial, EvalError>) -> Result<Trial, EvalError> {
    match asked {
        Err(EvalError::NotFinite { .. }) => Ok(Trial::default()),
        asked => asked,
    }
}
