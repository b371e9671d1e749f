//! `rmu`

use serde::{Deserialize, Serialize};
use unlearn_engine::EngineError;
use unlearn_engine::train::{Inner, Micro, Needs, Objective, Reads, Setup, Term};

use crate::hold::squares;
use crate::layer::Layer;
use crate::manual::documented;
use crate::registry::Method;
use crate::steering;
use crate::{Hold, MethodError, Retain};

documented! {
    /// # Idea
    /// Turn the hidden states of the forget text at one layer into a fixed random direction, and keep those of the
    /// retain text where they are.
    ///
    /// What later layers see on forget questions is noise. A few steps of relearning bring most of it back, and the
    /// common direction can be found and taken out again: a strong score here is not robust by itself.
    ///
    /// # Objective
    /// `L = γ · mean ‖h(forget) − c·u‖²/d + α · R`, with `h` the output of block `layer`, `u` a direction of unit
    /// length drawn from `[0, 1)ᵈ`, `c` the `steering_coeff`, `d` the width; means over each answer's tokens, then over
    /// rows. `R` is the retain term: with `hidden`, the same distance of the retain text from the reference's states;
    /// or `nll`, `kl`, `none`.
    ///
    /// # Paper
    /// Li et al., *The WMDP Benchmark: Measuring and Reducing Malicious Use with Unlearning*, 2024, arXiv 2403.03218.
    ///
    /// # Reference implementation
    /// `centerforaisafety/wmdp`, `rmu/unlearn.py`; `locuslab/open-unlearning`, `src/trainer/unlearn/rmu.py`.
    ///
    /// # Defaults
    /// `layer = "auto"` (as deep as 7 of 32), `steering_coeff = 20`, `gamma = 1`, `alpha = 100`, `retain = "hidden"`
    /// (the authors' code, for 7B models). `direction = []` draws one from the seed.
    ///
    /// # Deviations
    /// The mean counts the answer's tokens alone (open-unlearning's mask); the authors' code counts every position,
    /// padding too. RMU reads the states at the answer's tokens; `train.layers` and `train.parameters` say what is
    /// trained (the authors: `down_proj` of the layer and the two below it). Only the layers up to this one are run,
    /// unless the retain term reads more.
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    #[serde(default)]
    pub struct Rmu {
        /// The block whose output is misdirected.
        pub layer: Layer,
        /// Length of the target.
        pub steering_coeff: f64,
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

impl Default for Rmu {
    fn default() -> Self {
        Self {
            layer: Layer::Auto,
            steering_coeff: 20.0,
            gamma: 1.0,
            direction: Vec::new(),
            at: 0,
            hold: Hold::new(100.0, Retain::Hidden),
        }
    }
}

impl Method for Rmu {
    const NAME: &'static str = "rmu";
    const PAGE: &'static str = Self::PAGE;

    fn check(&self) -> Result<(), MethodError> {
        MethodError::require(self.steering_coeff > 0.0, "steering_coeff", self.steering_coeff, "it must be positive")?;
        MethodError::require(self.gamma >= 0.0, "gamma", self.gamma, "it must not be negative")?;
        self.hold.check()
    }
}

impl Objective for Rmu {
    fn prepare(&mut self, setup: &Setup<'_>) -> Result<(), EngineError> {
        self.at = self.layer.of(setup)?;
        self.hold.at(self.at);
        self.direction = steering::direction(&self.direction, setup)?;
        Ok(())
    }

    fn needs(&self) -> Needs {
        let state = Inner::Block(self.at);
        Needs { forget: Reads::inner([state]), ..Needs::default() }.and(self.hold.needs())
    }

    fn forget(&self, micro: &Micro<'_>) -> Vec<Term> {
        let state = micro.inner(Inner::Block(self.at));
        let target = steering::row(&self.direction, self.steering_coeff, &state.device());
        vec![Term::new("forget-steering", squares(micro, state - target), self.gamma)]
    }

    fn retain(&self, micro: &Micro<'_>) -> Vec<Term> {
        self.hold.terms(micro)
    }
}
