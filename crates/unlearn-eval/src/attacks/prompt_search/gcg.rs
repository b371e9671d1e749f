//! `gcg`

use serde::{Deserialize, Serialize};
use unlearn_engine::LanguageModel;

use super::page::documented;
use super::problem::begin;
use super::search::Moves;
use crate::EvalError;

documented! {
    /// # Idea
    /// Look for a text that, put into the question, makes the model say what it is said to have forgotten. The gradient
    /// of the target's likelihood by the one-hot input of every token says, to first order, which tokens would help at
    /// which place; some of the best are tried, and the best of these is gone on with.
    ///
    /// # Objective
    /// `L(s) = mean over rows of −log π(target | question, s) / |target|`. A step takes `g = ∂L/∂(one-hot of s)`, draws
    /// `search_width` prompts that differ from the current one at `n_replace` places, there with one of the `top_k`
    /// tokens with the lowest `g`, and computes the true `L` of each.
    ///
    /// # Procedure
    /// The forget rows are dealt into `folds`; a prompt is searched on `rows` of the other folds at once and put into the
    /// questions of the fold that is asked (`place`), so that it cannot carry the answer itself. The retrained model,
    /// attacked alike, shows what can be had without knowing. Where a guard stands before the subject, what was found on
    /// the weights behind it is then asked through it, an attempt of its own.
    ///
    /// # Paper
    /// Zou, Wang, Carlini, Nasr, Kolter and Fredrikson, *Universal and Transferable Adversarial Attacks on Aligned
    /// Language Models*, 2023, arXiv 2307.15043.
    ///
    /// # Reference implementation
    /// `GraySwanAI/nanoGCG`, `nanogcg/gcg.py`; `llm-attacks/llm-attacks`.
    ///
    /// # Defaults
    /// `init` = 20 times `x`, `steps = 250`, `search_width = 512`, `top_k = 256`, `n_replace = 1`, `buffer = 0`,
    /// `early_stop = false` (nanoGCG's; llm-attacks takes 500 steps and keeps no buffer).
    ///
    /// # Deviations
    /// Prompts that were drawn twice in a step, or are the current one, are not tried. The buffer begins with the first
    /// prompt alone and fills up with the best of each step. With several rows the gradient is the mean of theirs, and
    /// all rows count from the first step on. Whether a prompt is the same after it was turned into text is asked of the
    /// free places by themselves. There is no mellowmax loss and no probe sampling.
    #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    pub struct Gcg {
        /// The text that the search begins with; it has as many free places as tokens.
        pub init: String,
        /// Steps.
        pub steps: usize,
        /// Prompts drawn in each step.
        pub search_width: usize,
        /// Tokens that are drawn from at each place.
        pub top_k: usize,
        /// Places at which a prompt differs from the current one.
        pub n_replace: usize,
        /// How many of the best prompts are kept; with 0, a step may lead to a worse one.
        pub buffer: usize,
        /// Whether the search ends once greedy generation says the targets.
        pub early_stop: bool,
    }
}

impl Default for Gcg {
    fn default() -> Self {
        Self {
            init: ["x"; 20].join(" "),
            steps: 250,
            search_width: 512,
            top_k: 256,
            n_replace: 1,
            buffer: 0,
            early_stop: false,
        }
    }
}

impl Gcg {
    /// The tokens that the search begins with.
    ///
    /// # Errors
    /// When the model has no tokenizer, or `init` has no tokens.
    pub fn begin(&self, model: &LanguageModel) -> Result<Vec<u32>, EvalError> {
        begin(model, &self.init)
    }
}

impl Moves for Gcg {
    const NAME: &'static str = "gcg";

    fn steps(&self) -> usize {
        self.steps
    }

    fn gradient(&self) -> bool {
        true
    }

    fn buffer(&self) -> usize {
        self.buffer
    }

    fn early_stop(&self) -> bool {
        self.early_stop
    }

    fn propose(
        &self,
        current: &[u32],
        scores: &[f32],
        allowed: &[u32],
        draw: &dyn Fn(usize) -> Vec<f64>,
    ) -> Vec<Vec<u32>> {
        let slots = current.len();
        let vocabulary = scores.len() / slots;
        let places = self.n_replace.min(slots);
        let best: Vec<Vec<u32>> =
            scores.chunks_exact(vocabulary).map(|slot| lowest(slot, allowed, self.top_k)).collect();
        let drawn = draw(self.search_width * 2 * places);
        let one = |numbers: &[f64]| {
            let mut filling = current.to_vec();
            let mut order: Vec<usize> = (0..slots).collect();
            for (n, pair) in numbers.chunks_exact(2).enumerate() {
                order.swap(n, n + below(pair[0], slots - n));
                filling[order[n]] = best[order[n]][below(pair[1], best[order[n]].len())];
            }
            filling
        };
        drawn.chunks_exact(2 * places).map(one).collect()
    }

    fn check(&self) -> Result<(), EvalError> {
        positive("search_width", self.search_width)?;
        positive("top_k", self.top_k)?;
        positive("n_replace", self.n_replace)
    }
}

/// The `count` allowed tokens with the lowest score, lowest first; of equal ones, the first.
pub(super) fn lowest(scores: &[f32], allowed: &[u32], count: usize) -> Vec<u32> {
    let mut order = allowed.to_vec();
    let by = |a: &u32, b: &u32| scores[*a as usize].total_cmp(&scores[*b as usize]).then(a.cmp(b));
    if count < order.len() {
        order.select_nth_unstable_by(count, by);
        order.truncate(count);
    }
    order.sort_unstable_by(by);
    order
}

/// A number from `[0, 1)` as one below `bound`.
pub(super) fn below(uniform: f64, bound: usize) -> usize {
    ((uniform * bound as f64) as usize).min(bound - 1)
}

pub(super) fn positive(field: &'static str, value: usize) -> Result<(), EvalError> {
    if value > 0 { Ok(()) } else { Err(EvalError::attack(field, value, "it must be positive")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_are_those_of_a_full_sort() {
        let scores: Vec<f32> = (0..100).map(|i| ((i * 37) % 101) as f32 / 7.0).collect();
        let allowed: Vec<u32> = (0..100).filter(|i| i % 3 != 0).collect();
        let mut sorted = allowed.clone();
        sorted.sort_by(|a, b| scores[*a as usize].total_cmp(&scores[*b as usize]));
        for count in [1, 5, 66, 500] {
            assert_eq!(lowest(&scores, &allowed, count), sorted[..count.min(sorted.len())]);
        }
    }

    #[test]
    fn a_proposal_differs_at_so_many_places_by_the_best_tokens() {
        let moves = Gcg { n_replace: 3, top_k: 4, search_width: 200, ..Gcg::default() };
        let scores: Vec<f32> = (0..5 * 20).map(|i| ((i * 13) % 29) as f32).collect();
        let allowed: Vec<u32> = (0..20).collect();
        let current = [100, 101, 102, 103, 104];
        let draw = |n: usize| unlearn_core::seed::uniform(1, "test", n);
        let all = moves.propose(&current, &scores, &allowed, &draw);
        assert_eq!(all.len(), 200);
        let mut counts = [0; 5];
        for filling in all {
            let changed: Vec<usize> = (0..5).filter(|&at| filling[at] != current[at]).collect();
            assert_eq!(changed.len(), 3);
            for at in changed {
                counts[at] += 1;
                assert!(lowest(&scores[at * 20..(at + 1) * 20], &allowed, 4).contains(&filling[at]));
            }
        }
        // 600 changes over 5 places: 120 each, with a standard deviation below 7.
        assert!(counts.iter().all(|n| (90..150).contains(n)), "{counts:?}");
    }
}
