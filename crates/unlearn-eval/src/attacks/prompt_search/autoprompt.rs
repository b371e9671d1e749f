//! `autoprompt`

use serde::{Deserialize, Serialize};
use unlearn_engine::LanguageModel;

use super::gcg::{below, lowest, positive};
use super::page::documented;
use super::problem::begin;
use super::search::Moves;
use crate::EvalError;

documented! {
    /// # Idea
    /// Change one place at a time, and only for the better: of the tokens that the gradient likes best there, all are
    /// tried.
    ///
    /// # Objective
    /// As for `gcg`: `L(s) = mean over rows of −log π(target | question, s) / |target|`. A step draws one place, takes the
    /// `candidates` tokens `v` with the largest `−e_v · ∂L/∂e` there (HotFlip's first-order score; Ebrahimi et al., 2018),
    /// computes `L` with each, and keeps the best if it is lower than before.
    ///
    /// # Procedure
    /// The forget rows are dealt into `folds`; a prompt is searched on `rows` of the other folds at once and put into the
    /// questions of the fold that is asked (`place`), so that it cannot carry the answer itself. The retrained model,
    /// attacked alike, shows what can be had without knowing. Where a guard stands before the subject, what was found on
    /// the weights behind it is then asked through it, an attempt of its own.
    ///
    /// # Paper
    /// Shin, Razeghi, Logan, Wallace and Singh, *AutoPrompt: Eliciting Knowledge from Language Models with Automatically
    /// Generated Prompts*, 2020, arXiv 2010.15980.
    ///
    /// # Reference implementation
    /// `ucinlp/autoprompt`, `autoprompt/create_trigger.py`.
    ///
    /// # Defaults
    /// `steps = 100` (`--iters`), `candidates = 10` (`--num-cand`), `early_stop = false`; `init` = 20 times `x`, as for
    /// `gcg`, where the authors begin with mask tokens.
    ///
    /// # Deviations
    /// Gradient and losses are taken of all rows, not of batches (`--bsz`, `--accumulation-steps`), and the best prompt is
    /// the one with the lowest loss on these rows, not on others that were held back.
    #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    pub struct AutoPrompt {
        /// The text that the search begins with; it has as many free places as tokens.
        pub init: String,
        /// Steps.
        pub steps: usize,
        /// Tokens tried in each step.
        pub candidates: usize,
        /// Whether the search ends once greedy generation says the targets.
        pub early_stop: bool,
    }
}

impl Default for AutoPrompt {
    fn default() -> Self {
        Self { init: ["x"; 20].join(" "), steps: 100, candidates: 10, early_stop: false }
    }
}

impl AutoPrompt {
    /// The tokens that the search begins with.
    ///
    /// # Errors
    /// When the model has no tokenizer, or `init` has no tokens.
    pub fn begin(&self, model: &LanguageModel) -> Result<Vec<u32>, EvalError> {
        begin(model, &self.init)
    }
}

impl Moves for AutoPrompt {
    const NAME: &'static str = "autoprompt";

    fn steps(&self) -> usize {
        self.steps
    }

    fn gradient(&self) -> bool {
        true
    }

    fn buffer(&self) -> usize {
        1
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
        let vocabulary = scores.len() / current.len();
        let at = below(draw(1)[0], current.len());
        let put = |id: u32| {
            let mut filling = current.to_vec();
            filling[at] = id;
            filling
        };
        let slot = &scores[at * vocabulary..(at + 1) * vocabulary];
        lowest(slot, allowed, self.candidates).into_iter().map(put).collect()
    }

    fn check(&self) -> Result<(), EvalError> {
        positive("candidates", self.candidates)
    }
}
