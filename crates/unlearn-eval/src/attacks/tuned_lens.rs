//! `tuned-lens`

use serde::{Deserialize, Serialize};
use unlearn_core::attack::Cost;
use unlearn_data::{DataError, IGNORED, TokenRow};
use unlearn_engine::inside::Inside;
use unlearn_engine::linalg::{Affine, Moments};

use super::bench::numbers;
use super::layers::{Found, attempts, spread};
use super::logit_lens::{labels, look};
use super::{Attack, Bench, Configured};
use crate::{EvalError, selected};

const PAGE: &str = "\
# Idea

Layers below the last keep what they know in other directions than the output layer reads. A map from a layer's stream to the \
last one's, learned where nothing was to be forgotten, translates it: what the `logit-lens` cannot read yet, this one can.

# Procedure

On `rows` of the retain rows, evenly spread, at all of their tokens but the first, an affine map from the stream behind each \
layer to that behind the last one is found: the one with the least squared error plus `ridge` times the mean variance of the \
stream times the squared difference from the identity. No forget row is seen. Then as `logit-lens`. At the last layer the map is \
the identity. Without retain rows nothing is tried. Beside what comes back stands on how many tokens the map was found \
(`tokens`), and the share of the difference between the two streams that it leaves there (`left`).

# Paper

Belrose et al., *Eliciting latent predictions from transformers with the tuned lens*, 2023, arXiv 2303.08112.

# Reference implementation

`AlignmentResearch/tuned-lens`.

# Defaults

`rows = 64`, `ridge = 0.001`, `layers = 0` (all), `top = [1]`.

# Deviations

The paper minimises the divergence between what is read and what the model says, by gradient; least squares on the stream has a \
solution in closed form and needs no step.
";

/// See the page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TunedLens {
    rows: usize,
    ridge: f64,
    layers: usize,
    top: Vec<usize>,
}

impl Default for TunedLens {
    fn default() -> Self {
        Self { rows: 64, ridge: 1e-3, layers: 0, top: vec![1] }
    }
}

impl Configured for TunedLens {
    const NAME: &'static str = "tuned-lens";
    const PAGE: &'static str = PAGE;

    fn check(&self) -> Result<(), (&'static str, &'static str)> {
        if self.rows == 0 {
            return Err(("rows", "it must be at least 1"));
        }
        if !(self.ridge > 0.0 && self.ridge.is_finite()) {
            return Err(("ridge", "it must be a number greater than 0"));
        }
        match self.top.contains(&0) {
            true => Err(("top", "each must be at least 1")),
            false => Ok(()),
        }
    }
}

impl Attack for TunedLens {
    fn run(&self, bench: &mut Bench<'_>) -> Result<(), EvalError> {
        if bench.retain.is_empty() {
            return Ok(());
        }
        let layers = spread(bench.model, self.layers);
        attempts(bench, &labels(&layers, &self.top), &|bench| self.find(bench, &layers))
    }
}

impl TunedLens {
    fn find(&self, bench: &Bench<'_>, layers: &[usize]) -> Found {
        let (maps, fitted) = self.fit(bench, layers)?;
        let (mut trials, cost) = look(bench, layers, &self.top, &mut |layer, states| {
            let Some(at) = layers.iter().position(|l| *l == layer) else { return Ok(states.to_vec()) };
            Ok(states.iter().zip(maps[at].0.apply(states)).map(|(x, difference)| x + difference).collect())
        })?;
        for (trial, (_, left)) in trials.iter_mut().zip(&maps) {
            trial.numbers = numbers([("tokens", fitted.tokens as f64), ("left", *left)]);
        }
        Ok((trials, cost + fitted.cost))
    }

    /// For each layer, the map from its stream to its difference from the last one, and what share of that it leaves.
    fn fit(&self, bench: &Bench<'_>, layers: &[usize]) -> Result<(Vec<(Affine, f64)>, Fitted), EvalError> {
        let width = bench.model.decoder.config().hidden_size;
        let mut moments: Vec<Moments> = layers.iter().map(|_| Moments::new(width, width)).collect();
        let mut fitted = Fitted::default();
        let mut rows = Vec::new();
        for row in selected(bench.retain, self.rows) {
            match bench.encoder.encode(&row) {
                Ok(tokens) => rows.push(everywhere(tokens)),
                Err(DataError::NoAnswer { .. }) => {}
                Err(e) => return Err(e.into()),
            }
        }
        for part in rows.chunks(8) {
            bench.go_on()?;
            let inside = Inside::of(bench.model, part, bench.effort.tokens);
            let Some(last) = inside.layers.last() else { continue };
            for (moments, &layer) in moments.iter_mut().zip(layers) {
                let states = &inside.layers[layer];
                moments.add(states, &last.iter().zip(states).map(|(y, x)| y - x).collect::<Vec<f32>>());
            }
            fitted.tokens += inside.tokens.iter().sum::<usize>();
            fitted.cost.forward_tokens += part.iter().map(|row| row.ids.len() as u64).sum::<u64>();
        }
        let maps = moments.iter().map(|moments| {
            bench.go_on()?;
            let map = moments.solve(self.ridge)?;
            let left = moments.left(&map);
            Ok((map, left))
        });
        Ok((maps.collect::<Result<Vec<_>, EvalError>>()?, fitted))
    }
}

/// On what the maps were found.
#[derive(Default)]
struct Fitted {
    tokens: usize,
    cost: Cost,
}

/// The row with every token supervised but the first two: the stream is read at all but the first.
fn everywhere(row: TokenRow) -> TokenRow {
    let labels = row.ids.iter().enumerate().map(|(t, &id)| if t < 2 { IGNORED } else { i64::from(id) });
    TokenRow { labels: labels.collect(), ..row }
}
