//! `rep-noise`

use serde::{Deserialize, Serialize};
use unlearn_core::seed;
use unlearn_engine::EngineError;
use unlearn_engine::likelihood::label_log_probs;
use unlearn_engine::tensor::{Tensor, indices, matrix, vector};
use unlearn_engine::train::{Alternative, Inner, Micro, Needs, Objective, Reads, Setup, Term, View};

use crate::manual::documented;
use crate::registry::Method;
use crate::{Hold, MethodError, Retain};

documented! {
    /// # Idea
    /// Make the inner representations of the forget answers look like noise at every layer, so that there is nothing
    /// left to build on, while another answer to the same question is learned.
    ///
    /// It is meant against relearning. Higher learning rates and more steps of fine-tuning were reported to break it.
    ///
    /// # Objective
    /// Where both answers differ: `L = γ · CE(other) + β · mean over layers of MMD(a, N(0, 1)) − κ · log(1 + mean over
    /// {output, layers} of CE(lens(h))) + α · R`, `κ` being `ascent`. `a` are the outputs of a layer's feed-forward
    /// network at the forget answer's tokens, `lens` reads a layer's output `h` by the final norm and the output
    /// matrix, `CE` is the mean over the answer's tokens. MMD has five Gaussian kernels of widths around the mean
    /// squared distance. Everything is a mean over rows. `R` is the retain term: `retain` is one of `nll`, `kl`,
    /// `hidden` and `none`.
    ///
    /// # Paper
    /// Rosati et al., *Representation Noising: A Defence Mechanism Against Harmful Finetuning*, 2024, arXiv 2405.14577.
    ///
    /// # Reference implementation
    /// `domenicrosati/representation-noising`, `representation_noising/loss.py`.
    ///
    /// # Defaults
    /// `beta = 0.001`, `ascent = 1`, `gamma = 1`, `alpha = 1`, `retain = "none"` (the authors' code, where `ascent` is
    /// called alpha). The other answer is a row's `alternate`, or a refusal.
    ///
    /// # Deviations
    /// MMD compares the tokens of one answer with as many draws; the code flattens each sequence and compares those of
    /// a batch, which depends on how a step is cut. The logarithm is taken of each row's mean, for the same reason.
    /// Alternates need not have the forget answer's length: a token without a counterpart counts as different.
    #[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
    #[serde(default)]
    pub struct RepNoise {
        /// Weight of the noise term.
        pub beta: f64,
        /// Weight of the ascent.
        pub ascent: f64,
        /// Weight of the other answer.
        pub gamma: f64,
        /// Blocks of the model.
        #[serde(skip)]
        layers: usize,
        /// The run's seed.
        #[serde(skip)]
        seed: u64,
        /// The retain term.
        #[serde(flatten)]
        pub hold: Hold,
    }
}

impl Default for RepNoise {
    fn default() -> Self {
        Self { beta: 0.001, ascent: 1.0, gamma: 1.0, layers: 0, seed: 0, hold: Hold::new(1.0, Retain::None) }
    }
}

impl Method for RepNoise {
    const NAME: &'static str = "rep-noise";
    const PAGE: &'static str = Self::PAGE;

    fn check(&self) -> Result<(), MethodError> {
        MethodError::require(self.beta >= 0.0, "beta", self.beta, "it must not be negative")?;
        MethodError::require(self.ascent >= 0.0, "ascent", self.ascent, "it must not be negative")?;
        MethodError::require(self.gamma >= 0.0, "gamma", self.gamma, "it must not be negative")?;
        self.hold.check()
    }
}

impl RepNoise {
    /// The sum over rows of the mean over layers of the distance between representations and noise.
    fn noise(&self, micro: &Micro<'_>, mask: &[bool]) -> Option<Tensor<1>> {
        let mut total: Option<Tensor<1>> = None;
        for layer in 0..self.layers {
            let states = micro.inner(Inner::Mlp(layer));
            let ([_, width], device) = (states.dims(), states.device());
            let mut at = 0;
            for (&n, &place) in micro.answers().iter().zip(micro.places()) {
                let chosen: Vec<i64> = (at..at + n).filter(|&i| mask[i]).map(|i| i as i64).collect();
                at += n;
                if chosen.is_empty() {
                    continue;
                }
                let name = format!("rep-noise/{}/{place}/{layer}", micro.step.step);
                let draws = seed::normal(self.seed, &name, chosen.len() * width);
                let draws = matrix(draws.into_iter().map(|x| x as f32).collect(), chosen.len(), width, &device);
                let distance = mmd(states.clone().select(0, indices(chosen, &device)), draws);
                total = Some(total.map_or_else(|| distance.clone(), |t| t + distance.clone()));
            }
        }
        total.map(|t| t.div_scalar(self.layers as f64))
    }
}

impl Objective for RepNoise {
    fn prepare(&mut self, setup: &Setup<'_>) -> Result<(), EngineError> {
        self.hold.prepare(setup);
        (self.layers, self.seed) = (setup.config.layers.len(), setup.seed);
        Ok(())
    }

    fn needs(&self) -> Needs {
        let all = (0..self.layers).flat_map(|l| [Inner::Block(l), Inner::Mlp(l)]).collect();
        Needs {
            forget: Reads { scores: true, inner: all },
            forget_alternates: Some(Alternative::OrRefusals),
            ..Needs::default()
        }
        .and(self.hold.needs())
    }

    fn forget(&self, micro: &Micro<'_>) -> Vec<Term> {
        let other = micro.alternates();
        let [here, there] = micro.differing();
        let rows = micro.totals().rows();
        let learned = masked_means(other, other.token_log_probs(), &there).sum().neg().div_scalar(rows);
        let mut lens = masked_means(micro, micro.token_log_probs(), &here);
        for layer in 0..self.layers {
            let scores = micro.lens(Inner::Block(layer));
            lens = lens + masked_means(micro, label_log_probs(scores, micro.labels()), &here);
        }
        let climbed = lens.neg().div_scalar((self.layers + 1) as f64).log1p().sum().neg().div_scalar(rows);
        let mut terms = vec![Term::new("other-nll", learned, self.gamma)];
        terms.extend(self.noise(micro, &here).map(|mmd| Term::new("forget-noise", mmd.div_scalar(rows), self.beta)));
        terms.push(Term::new("forget-ascent", climbed, self.ascent));
        terms
    }

    fn retain(&self, micro: &Micro<'_>) -> Vec<Term> {
        self.hold.terms(micro)
    }
}

/// Means of `[n]` over each row's tokens in the mask, `[rows]`; 0 where there are none.
fn masked_means(view: &View<'_>, tokens: Tensor<1>, mask: &[bool]) -> Tensor<1> {
    let mut at = 0;
    let mut weights = Vec::with_capacity(mask.len());
    for &n in view.answers() {
        let row = &mask[at..at + n];
        let count = row.iter().filter(|m| **m).count().max(1) as f32;
        weights.extend(row.iter().map(|&m| if m { 1.0 / count } else { 0.0 }));
        at += n;
    }
    view.sums(tokens * vector(weights, &view.device()))
}

/// Squared maximum mean discrepancy of `[n, d]` and `[n, d]` under five Gaussian kernels, whose middle width is the mean
/// squared distance (Gretton et al., 2012; biased).
fn mmd(x: Tensor<2>, y: Tensor<2>) -> Tensor<1> {
    let n = x.dims()[0];
    let all = Tensor::cat(vec![x, y], 0);
    let squares = all.clone().square().sum_dim(1);
    let distances =
        (squares.clone() + squares.transpose() - all.clone().matmul(all.transpose()).mul_scalar(2.0)).clamp_min(0.0);
    let pairs = (4 * n * n - 2 * n) as f64;
    let middle = distances.clone().sum().div_scalar(pairs).add_scalar(1e-12).reshape([1, 1]);
    let kernel = |i: i32| (distances.clone().neg() / middle.clone().mul_scalar(2f64.powi(i - 2))).exp();
    let kernels = (1..5).fold(kernel(0), |sum, i| sum + kernel(i));
    let part = |r: usize, c: usize| kernels.clone().slice([r * n..(r + 1) * n, c * n..(c + 1) * n]).mean();
    part(0, 0) + part(1, 1) - part(0, 1).mul_scalar(2.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use unlearn_engine::tensor::{Device, scalar};

    #[test]
    fn the_discrepancy_of_a_set_with_itself_is_nothing_and_else_is_not() {
        let draw = |name: &str, by: f64| {
            let values = seed::normal(1, name, 60).into_iter().map(|x| (x + by) as f32).collect();
            matrix(values, 10, 6, &Device::flex())
        };
        assert!(scalar(mmd(draw("a", 0.0), draw("a", 0.0))).abs() < 1e-6);
        let near = scalar(mmd(draw("a", 0.0), draw("b", 0.0)));
        let far = scalar(mmd(draw("a", 0.0), draw("b", 3.0)));
        assert!(near > -1e-6 && far > 4.0 * near, "{near} and {far}");
    }
}
