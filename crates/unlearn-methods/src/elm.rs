//! `elm`

use serde::{Deserialize, Serialize};
use unlearn_engine::EngineError;
use unlearn_engine::tensor::{Int, Tensor, log_softmax, softmax};
use unlearn_engine::train::{Alternative, Micro, Needs, Objective, Quantity, Reads, Set, Setup, Term};

use crate::MethodError;
use crate::manual::documented;
use crate::registry::Method;

/// Words before a text of somebody who knows.
const EXPERT: &str = "The following was written by an expert in {concept}:\n";
/// Words before a text of somebody who does not.
const NOVICE: &str =
    "The following was written by a novice who knows nothing of {concept} and turns to lighter things:\n";

documented! {
    /// # Idea
    /// Distil the model from itself as a novice would write: the reference's distribution is pushed away from what it
    /// says in the words of an expert on the concept, towards what it says as somebody who knows nothing of it.
    ///
    /// What is learned is a distribution that is fluent, so that the output stays readable. Made for concepts;
    /// `concept` names the one to erase.
    ///
    /// # Objective
    /// `L = γ · (1/N) Σ CE(q, p) + α · (1/N) Σ CE(argmax p₀, p)(retain) + φ · NLL(other answers)` over supervised
    /// tokens, `φ` is `fluency`. `q` keeps the `top_k` largest of `log p₀ − ηₜ (log p₀(·|expert) − log p₀(·|novice))`
    /// at temperature `temperature`, renormalised; `ηₜ` rises in a straight line from 1 at an answer's first token to
    /// `eta` at its last. The contexts `expert` and `novice` stand before the row.
    ///
    /// # Paper
    /// Gandikota et al., *Erasing Conceptual Knowledge from Language Models*, 2024, arXiv 2410.02760.
    ///
    /// # Reference implementation
    /// `rohitgandikota/erasing-llm`, `trainscripts/erase.py`.
    ///
    /// # Defaults
    /// `eta = 1000`, `temperature = 1.2`, `top_k = 50`, `gamma = 1`, `alpha = 1`, `fluency = 1` (the authors' code);
    /// `expert = "…"` and `novice = "…"` are our own words for theirs, with `{concept}` filled in by `concept = ""`.
    /// `expert_ids = []` and `novice_ids = []` give tokens instead of texts, for models without a tokenizer.
    /// `retain_soft = false` takes the reference's likeliest token as the label. The authors train adapters of rank 256
    /// on layers 4 to 7.
    ///
    /// # Deviations
    /// The answer's tokens count; the authors take whole texts. The fluent text is a row's `alternate` or a refusal,
    /// not a continuation that is sampled from the guided model.
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    pub struct Elm {
        /// What is to be erased.
        pub concept: String,
        /// Words before a text of somebody who knows.
        pub expert: String,
        /// Words before a text of somebody who does not.
        pub novice: String,
        /// The first as tokens.
        pub expert_ids: Vec<u32>,
        /// The second as tokens.
        pub novice_ids: Vec<u32>,
        /// How far the target goes, at an answer's last token.
        pub eta: f64,
        /// Divides the reference's scores.
        pub temperature: f64,
        /// Tokens that the target keeps.
        pub top_k: usize,
        /// Weight of the forget term.
        pub gamma: f64,
        /// Weight of the retain term.
        pub alpha: f64,
        /// Whether the retain term fits the reference's distribution instead of its likeliest token.
        pub retain_soft: bool,
        /// Weight of the other answers.
        pub fluency: f64,
    }
}

impl Default for Elm {
    fn default() -> Self {
        Self {
            concept: String::new(),
            expert: EXPERT.into(),
            novice: NOVICE.into(),
            expert_ids: Vec::new(),
            novice_ids: Vec::new(),
            eta: 1000.0,
            temperature: 1.2,
            top_k: 50,
            gamma: 1.0,
            alpha: 1.0,
            retain_soft: false,
            fluency: 1.0,
        }
    }
}

impl Method for Elm {
    const NAME: &'static str = "elm";
    const PAGE: &'static str = Self::PAGE;

    fn check(&self) -> Result<(), MethodError> {
        MethodError::require(self.gamma >= 0.0, "gamma", self.gamma, "it must not be negative")?;
        MethodError::require(self.alpha >= 0.0, "alpha", self.alpha, "it must not be negative")?;
        MethodError::require(self.fluency >= 0.0, "fluency", self.fluency, "it must not be negative")?;
        MethodError::require(self.temperature > 0.0, "temperature", self.temperature, "it must be positive")?;
        MethodError::require(self.eta.is_finite(), "eta", self.eta, "it must be a number")?;
        MethodError::require(self.top_k > 0, "top_k", 0.0, "it must be at least 1")
    }
}

impl Elm {
    /// The target's probabilities and their tokens, each `[n, k]`.
    fn target(&self, micro: &Micro<'_>) -> (Tensor<2>, Tensor<2, Int>) {
        let at_temperature = |logits: Tensor<2>| log_softmax(logits.div_scalar(self.temperature), 1);
        let [plain, expert, novice] =
            [micro.reference_logits(), micro.reference_logits_within(0), micro.reference_logits_within(1)]
                .map(at_temperature);
        let answers = micro.answers();
        let ramp = micro.per_token(|row, t| {
            let way = t as f64 / answers[row].saturating_sub(1).max(1) as f64;
            (1.0 + way * (self.eta - 1.0)) as f32
        });
        let [n, vocabulary] = plain.dims();
        let guided = plain - ramp.reshape([n, 1]) * (expert - novice);
        let (values, tokens) = guided.topk_with_indices(self.top_k.min(vocabulary), 1);
        (softmax(values, 1), tokens)
    }
}

impl Objective for Elm {
    fn prepare(&mut self, setup: &Setup<'_>) -> Result<(), EngineError> {
        let written = |text: &String| text.replace("{concept}", &self.concept);
        let mut ids = [self.expert_ids.clone(), self.novice_ids.clone()];
        for (ids, text) in ids.iter_mut().zip([&self.expert, &self.novice]) {
            if ids.is_empty() && !self.concept.trim().is_empty() {
                *ids = setup.encode(&written(text), true)?.unwrap_or_default();
            }
            if ids.is_empty() || ids.iter().any(|&id| id as usize >= setup.config.vocab_size) {
                let hint = "give `method.concept`, or `method.expert_ids` and `method.novice_ids` for a model without a \
                            tokenizer";
                return Err(EngineError::method("method.concept", "it is not known what to erase", hint));
            }
        }
        [self.expert_ids, self.novice_ids] = ids;
        Ok(())
    }

    fn needs(&self) -> Needs {
        let mut reference = vec![
            (Set::Forget, Quantity::Distributions),
            (Set::Forget, Quantity::Within(0)),
            (Set::Forget, Quantity::Within(1)),
        ];
        let holds = self.alpha > 0.0;
        reference.extend(holds.then_some((Set::Retain, Quantity::Distributions)));
        Needs {
            retain: if holds { Reads::scores() } else { Reads::nothing() },
            reference,
            contexts: vec![self.expert_ids.clone(), self.novice_ids.clone()],
            forget_alternates: (self.fluency > 0.0).then_some(Alternative::OrRefusals),
            ..Needs::forget_scores()
        }
    }

    fn forget(&self, micro: &Micro<'_>) -> Vec<Term> {
        let (target, tokens) = self.target(micro);
        let chosen = micro.log_distributions().gather(1, tokens);
        let value = (target * chosen).sum().neg().div_scalar(micro.totals().tokens());
        let mut terms = vec![Term::new("forget-elm", value, self.gamma)];
        if self.fluency > 0.0 {
            terms.push(Term::new("fluency-nll", micro.alternates().nll(), self.fluency));
        }
        terms
    }

    fn retain(&self, micro: &Micro<'_>) -> Vec<Term> {
        let theirs = micro.reference_log_distributions();
        let ours = micro.log_distributions();
        let losses = match self.retain_soft {
            true => (theirs.exp() * ours).sum_dim(1).neg(),
            false => ours.gather(1, theirs.argmax(1)).neg(),
        };
        vec![Term::new("retain-elm", losses.sum().div_scalar(micro.totals().tokens()), self.alpha)]
    }
}
