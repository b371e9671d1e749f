//! `whp`

use serde::{Deserialize, Serialize};
use unlearn_core::recipe::TrainSection;
use unlearn_data::TokenRow;
use unlearn_engine::batch::Which;
use unlearn_engine::edit::{Bench, Edit};
use unlearn_engine::likelihood::each_logits;
use unlearn_engine::train::{FineTune, Outcome, Reference, Sets, Setup};
use unlearn_engine::{EngineError, LanguageModel};

use crate::manual::documented;
use crate::registry::Method;
use crate::{GradDiff, Hold, MethodError};

documented! {
    /// # Idea
    /// Learn the forget set even better, see which tokens that makes likelier, and teach the model what it would say
    /// without them: *Who's Harry Potter*.
    ///
    /// Nothing is climbed. What comes in place of the forget answer is the model's own second choice. Translation,
    /// jailbreaks, relearning in context and probes were reported to find the knowledge again.
    ///
    /// # Objective
    /// The reinforced model is trained on the forget set as `[train]` says, for `reinforce_epochs` epochs at
    /// `reinforce_learning_rate`. Each supervised token's new label is the largest entry of
    /// `v_base − alpha_generic · relu(v_reinforced − v_base)`, scores of both models; then the model is trained on these
    /// labels as `[train]` says: `L = γ · NLL(forget, new labels) + α · R`. `R` is the retain term: `retain` is one of
    /// `nll`, `kl`, `hidden` and `none`.
    ///
    /// # Paper
    /// Eldan and Russinovich, *Who's Harry Potter? Approximate Unlearning in LLMs*, 2023, arXiv 2310.02238, section 2.
    ///
    /// # Reference implementation
    /// None was published; `swj0419/muse_bench`, `baselines/whos_harry_potter.py` has the formula at inference.
    ///
    /// # Defaults
    /// `alpha_generic = 5`, `reinforce_epochs = 3` (the paper), `reinforce_learning_rate = 3e-6` (the paper, for 7B
    /// models), `gamma = 1`, `alpha = 1`, `retain = "none"` (the paper: forget text alone).
    ///
    /// # Deviations
    /// The paper's dictionary of the target's own words, with replacements by a second language model, is left out: the
    /// labels come from the reinforced model alone.
    #[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
    #[serde(default)]
    pub struct Whp {
        /// How far scores go against the reinforced model's.
        pub alpha_generic: f64,
        /// Epochs of the reinforcement.
        pub reinforce_epochs: f64,
        /// Learning rate of the reinforcement.
        pub reinforce_learning_rate: f64,
        /// Weight of the new labels.
        pub gamma: f64,
        /// The retain term.
        #[serde(flatten)]
        pub hold: Hold,
    }
}

impl Default for Whp {
    fn default() -> Self {
        let hold = Hold::new(1.0, crate::Retain::None);
        Self { alpha_generic: 5.0, reinforce_epochs: 3.0, reinforce_learning_rate: 3e-6, gamma: 1.0, hold }
    }
}

impl Method for Whp {
    const NAME: &'static str = "whp";
    const PAGE: &'static str = Self::PAGE;

    fn check(&self) -> Result<(), MethodError> {
        let values = [
            ("alpha_generic", self.alpha_generic),
            ("reinforce_epochs", self.reinforce_epochs),
            ("reinforce_learning_rate", self.reinforce_learning_rate),
            ("gamma", self.gamma),
        ];
        for (field, value) in values {
            MethodError::require(value >= 0.0, field, value, "it must not be negative")?;
        }
        self.hold.check()
    }
}

impl Edit for Whp {
    fn prepare(&mut self, setup: &Setup<'_>) -> Result<(), EngineError> {
        self.hold.prepare(setup);
        Ok(())
    }

    fn retain_rows(&self) -> bool {
        !self.hold.needs().retain.is_nothing()
    }

    fn apply(&self, model: &mut LanguageModel, bench: &mut Bench<'_>) -> Result<Outcome, EngineError> {
        let mut reinforced = model.clone();
        let section = TrainSection {
            epochs: self.reinforce_epochs,
            steps: None,
            learning_rate: self.reinforce_learning_rate,
            ..bench.train.clone()
        };
        let sets = Sets::new(bench.sets.forget.clone(), Vec::new());
        let none = Reference::default();
        let first = bench.tune("reinforce", &mut reinforced, (&mut FineTune, &section), (&sets, &none))?;

        bench.phase("relabel")?;
        let forget = self.relabelled(model, &reinforced, bench)?;
        drop(reinforced);
        // NLL on the new labels is gradient difference with the sign turned round.
        let mut objective = GradDiff { gamma: -self.gamma, hold: self.hold };
        let sets = Sets::new(forget, bench.sets.retain.clone());
        let needs = self.hold.needs();
        let reference = bench.reference_on(model, &needs, &sets)?;
        let section = bench.train;
        let second = bench.tune("train", model, (&mut objective, section), (&sets, &reference))?;
        Ok(Outcome {
            steps: first.steps + second.steps,
            tokens: first.tokens + second.tokens,
            seconds: first.seconds + second.seconds,
            ..Outcome::default()
        })
    }
}

impl Whp {
    /// The forget rows with the labels that the model would give without what reinforcement adds.
    fn relabelled(
        &self,
        model: &LanguageModel,
        reinforced: &LanguageModel,
        bench: &Bench<'_>,
    ) -> Result<Vec<TokenRow>, EngineError> {
        let (rows, budget) = (&bench.sets.forget, bench.train.micro_tokens);
        let mut relabelled = rows.clone();
        each_logits([model, reinforced], rows, Which::Supervised, budget, &mut |row, nth, [base, strong]| {
            let generic = |b: &f32, s: &f32| b - self.alpha_generic as f32 * (s - b).max(0.0);
            let scores: Vec<f32> = base.iter().zip(strong).map(|(b, s)| generic(b, s)).collect();
            let best = (0..scores.len()).fold(0, |best, i| if scores[i] > scores[best] { i } else { best });
            let mut supervised = (1..rows[row].labels.len()).filter(|&t| rows[row].labels[t] >= 0);
            if let Some(t) = supervised.nth(nth) {
                relabelled[row].labels[t] = best as i64;
            }
            bench.go_on(0)
        })?;
        Ok(relabelled)
    }
}
