//! `adaptive-rmu`

use serde::{Deserialize, Serialize};
use unlearn_engine::EngineError;
use unlearn_engine::train::{Inner, Micro, Needs, Objective, Quantity, Reads, Set, Setup, Term};

use crate::hold::squares;
use crate::layer::Layer;
use crate::manual::documented;
use crate::registry::Method;
use crate::steering;
use crate::{Hold, MethodError, Retain};

documented! {
    /// # Idea
    /// RMU with a target as long as the hidden state that it replaces, times a factor: it works at deep layers too,
    /// where states are long.
    ///
    /// Everything else is as in `rmu`, its weakness against relearning included.
    ///
    /// # Objective
    /// `L = γ · mean ‖h(forget) − s·‖h₀‖·u‖²/d + α · R`, with `h` the output of block `layer`, `h₀` the reference's at
    /// the same token, `u` a direction of unit length drawn from `[0, 1)ᵈ`, `s` the `scale`; means over each answer's
    /// tokens, then over rows. `R` as in `rmu`.
    ///
    /// # Paper
    /// Dang Huu-Tien et al., *On Effects of Steering Latent Representation for Large Language Model Unlearning*, 2025,
    /// arXiv 2408.06223.
    ///
    /// # Reference implementation
    /// `RebelsNLU-jaist/llm-unlearning`, `baselines/adap_rmu/unlearn.py`.
    ///
    /// # Defaults
    /// `layer = "auto"` (as deep as 7 of 32), `scale = 5`, `gamma = 1`, `alpha = 1200`, `retain = "hidden"` (the
    /// authors' code). `direction = []` draws one from the seed.
    ///
    /// # Deviations
    /// The length is each token's own, as in the paper; the code takes one mean length, of the first batch. The mean
    /// counts the answer's tokens alone. RMU reads the states at the answer's tokens; `train.layers` and
    /// `train.parameters` say what is trained (the authors: `down_proj` of the layer and the two below it). Only the
    /// layers up to this one are run, unless the retain term reads more.
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    #[serde(default)]
    pub struct AdaptiveRmu {
        /// The block whose output is misdirected.
        pub layer: Layer,
        /// Length of the target, in lengths of the state that it replaces.
        pub scale: f64,
        /// Weight of the forget term.
        pub gamma: f64,
        /// The direction; drawn from the seed when empty.
        pub direction: Vec<f64>,
        /// The block, found.
        #[serde(skip)]
        at: usize,
        /// The retain term.
        #[serde(flatten)]
        pub hold: Hold,
    }
}

impl Default for AdaptiveRmu {
    fn default() -> Self {
        Self {
            layer: Layer::Auto,
            scale: 5.0,
            gamma: 1.0,
            direction: Vec::new(),
            at: 0,
            hold: Hold::new(1200.0, Retain::Hidden),
        }
    }
}

impl Method for AdaptiveRmu {
    const NAME: &'static str = "adaptive-rmu";
    const PAGE: &'static str = Self::PAGE;

    fn check(&self) -> Result<(), MethodError> {
        MethodError::require(self.scale > 0.0, "scale", self.scale, "it must be positive")?;
        MethodError::require(self.gamma >= 0.0, "gamma", self.gamma, "it must not be negative")?;
        self.hold.check()
    }
}

impl Objective for AdaptiveRmu {
    fn prepare(&mut self, setup: &Setup<'_>) -> Result<(), EngineError> {
        self.at = self.layer.of(setup)?;
        self.hold.at(self.at);
        self.direction = steering::direction(&self.direction, setup)?;
        Ok(())
    }

    fn needs(&self) -> Needs {
        let state = Inner::Block(self.at);
        Needs {
            forget: Reads::inner([state]),
            reference: vec![(Set::Forget, Quantity::Inner(state))],
            ..Needs::default()
        }
        .and(self.hold.needs())
    }

    fn forget(&self, micro: &Micro<'_>) -> Vec<Term> {
        let state = micro.inner(Inner::Block(self.at));
        let before = micro.reference_inner(Inner::Block(self.at));
        let lengths = before.square().sum_dim(1).sqrt();
        let target = lengths * steering::row(&self.direction, self.scale, &state.device());
        vec![Term::new("forget-steering", squares(micro, state - target), self.gamma)]
    }

    fn retain(&self, micro: &Micro<'_>) -> Vec<Term> {
        self.hold.terms(micro)
    }
}
