//! `[train.smooth]` and `[train.average]`: training towards flat minima, from which it is harder to relearn
//! (Fan et al., 2025, arXiv 2502.05374).

use serde::{Deserialize, Serialize};

use super::RecipeError;
use super::optimizer::{decays, positive};

/// What is done to the forget gradient.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Smoothing {
    /// Nothing.
    #[default]
    None,
    /// It is taken where the loss is worst nearby: sharpness-aware minimisation (Foret et al., 2021).
    Sam,
    /// It is a mean over random places nearby.
    Random,
    /// Its norm is added to the loss (Zhao et al., 2022).
    GradientPenalty,
}

/// `[train.smooth]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SmoothSection {
    /// What is done.
    pub kind: Smoothing,
    /// `sam`, `gradient-penalty`: distance over all trained parameters; `random`: standard deviation of each value.
    pub rho: f64,
    /// `random`: places.
    pub samples: usize,
    /// `gradient-penalty`: weight of the norm.
    pub penalty: f64,
}

impl Default for SmoothSection {
    fn default() -> Self {
        Self { kind: Smoothing::None, rho: 0.01, samples: 3, penalty: 0.005 }
    }
}

/// Which weights a run leaves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Averaging {
    /// Those of the last step.
    #[default]
    None,
    /// An exponential moving average over steps.
    Ema,
    /// The mean over steps (stochastic weight averaging, Izmailov et al., 2018).
    Uniform,
}

/// `[train.average]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AverageSection {
    /// Which weights are left.
    pub kind: Averaging,
    /// `ema`: the decay from step to step.
    pub decay: f64,
    /// Share of the steps after which averaging begins.
    pub begin: f64,
}

impl Default for AverageSection {
    fn default() -> Self {
        Self { kind: Averaging::None, decay: 0.99, begin: 0.0 }
    }
}

impl SmoothSection {
    pub(super) fn check(&self) -> Result<(), RecipeError> {
        if self.samples == 0 {
            return Err(RecipeError::value("train.smooth.samples", 0, "it must be at least 1"));
        }
        positive([("train.smooth.rho", self.rho), ("train.smooth.penalty", self.penalty)])
    }
}

impl AverageSection {
    pub(super) fn check(&self) -> Result<(), RecipeError> {
        decays([("train.average.decay", self.decay), ("train.average.begin", self.begin)])
    }
}
