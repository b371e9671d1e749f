//! `sim-npo`

use serde::{Deserialize, Serialize};
use unlearn_engine::EngineError;
use unlearn_engine::train::{Micro, Needs, Objective, Setup, Term};

use crate::manual::documented;
use crate::preference::preference;
use crate::registry::Method;
use crate::{Hold, MethodError};

documented! {
    /// # Idea
    /// NPO without a reference: push the answer's mean log-probability per token down, and stop once it is low.
    ///
    /// Lengths cancel, so that long answers are not let go earlier than short ones, and no reference has to be asked.
    /// The result depends much on `beta` and on the weights of the two terms.
    ///
    /// # Objective
    /// `L = γ · mean over rows of −(2/β) log σ(β (ℓ̄ − δ)) + α · R`, with `ℓ̄` the answer's mean negative
    /// log-likelihood per token. `R` is the retain term: `retain` is one of `nll`, `kl`, `hidden` and `none`.
    ///
    /// # Paper
    /// Fan et al., *Simplicity Prevails: Rethinking Negative Preference Optimization for LLM Unlearning*, 2024, arXiv
    /// 2410.07163.
    ///
    /// # Reference implementation
    /// `OPTML-Group/Unlearn-Simple`, `TOFU/dataloader.py`; `locuslab/open-unlearning`, `src/trainer/unlearn/simnpo.py`.
    ///
    /// # Defaults
    /// `beta = 4.5`, `delta = 0`, `gamma = 0.125`, `alpha = 1`, `retain = "nll"` (open-unlearning's `SimNPO.yaml`).
    ///
    /// # Deviations
    /// The margin `delta` stands inside the product with `beta`, as in both implementations; the paper writes it
    /// outside. At 0 they agree.
    #[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
    #[serde(default)]
    pub struct SimNpo {
        /// How sharply the weight falls as the answer becomes unlikely.
        pub beta: f64,
        /// Nats per token that count as not yet forgotten.
        pub delta: f64,
        /// Weight of the forget term.
        pub gamma: f64,
        /// The retain term.
        #[serde(flatten)]
        pub hold: Hold,
    }
}

impl Default for SimNpo {
    fn default() -> Self {
        Self { beta: 4.5, delta: 0.0, gamma: 0.125, hold: Hold::default() }
    }
}

impl Method for SimNpo {
    const NAME: &'static str = "sim-npo";
    const PAGE: &'static str = Self::PAGE;

    fn check(&self) -> Result<(), MethodError> {
        MethodError::require(self.beta > 0.0, "beta", self.beta, "it must be positive")?;
        MethodError::require(self.gamma >= 0.0, "gamma", self.gamma, "it must not be negative")?;
        MethodError::require(self.delta.is_finite(), "delta", self.delta, "it must be a number")?;
        self.hold.check()
    }
}

impl Objective for SimNpo {
    fn prepare(&mut self, setup: &Setup<'_>) -> Result<(), EngineError> {
        self.hold.prepare(setup);
        Ok(())
    }

    fn needs(&self) -> Needs {
        Needs::forget_scores().and(self.hold.needs())
    }

    fn forget(&self, micro: &Micro<'_>) -> Vec<Term> {
        let nats = micro.means(micro.token_log_probs().neg());
        let value = preference(nats.sub_scalar(self.delta), self.beta).sum().div_scalar(micro.totals().rows());
        vec![Term::new("forget-simnpo", value, self.gamma)]
    }

    fn retain(&self, micro: &Micro<'_>) -> Vec<Term> {
        self.hold.terms(micro)
    }
}
