//! `train.optimizer` and the sections of those that have settings of their own.

use serde::{Deserialize, Serialize};

use super::RecipeError;

/// The optimisers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Optimizer {
    /// AdamW with decoupled weight decay (Loshchilov and Hutter, 2019).
    #[default]
    Adamw,
    /// Stochastic gradient descent, with `train.momentum` or without.
    Sgd,
    /// Lion (Chen et al., 2023); `[train.lion]`.
    Lion,
    /// Sophia (Liu et al., 2023; for unlearning, SOUL, Jia et al., 2024); `[train.sophia]`.
    Sophia,
}

/// How Sophia estimates the diagonal of the curvature.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Curvature {
    /// Gauss-Newton-Bartlett: the squared gradient under labels that are sampled from the policy.
    #[default]
    Gnb,
    /// Hutchinson: `u · (H u)` for random signs `u`.
    Hutchinson,
}

/// `[train.sophia]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SophiaSection {
    /// The estimator.
    pub curvature: Curvature,
    /// Steps from one estimate to the next.
    pub every: usize,
    /// What the curvature is multiplied by; the smaller, the more values move by the whole learning rate.
    pub rho: f64,
    /// First-moment decay.
    pub beta1: f64,
    /// Curvature decay, from estimate to estimate.
    pub beta2: f64,
    /// Least value of `rho` times the curvature.
    pub eps: f64,
    /// Length of Hutchinson's difference, as a share of the trained weights' norm.
    pub radius: f64,
}

impl Default for SophiaSection {
    fn default() -> Self {
        Self { curvature: Curvature::Gnb, every: 10, rho: 0.04, beta1: 0.96, beta2: 0.99, eps: 1e-12, radius: 0.01 }
    }
}

/// `[train.lion]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LionSection {
    /// Share of the momentum in the direction of a step.
    pub beta1: f64,
    /// Decay of the momentum.
    pub beta2: f64,
}

impl Default for LionSection {
    fn default() -> Self {
        Self { beta1: 0.9, beta2: 0.99 }
    }
}

impl SophiaSection {
    pub(super) fn check(&self) -> Result<(), RecipeError> {
        if self.every == 0 {
            return Err(RecipeError::value("train.sophia.every", 0, "it must be at least 1"));
        }
        decays([("train.sophia.beta1", self.beta1), ("train.sophia.beta2", self.beta2)])?;
        positive([("train.sophia.rho", self.rho), ("train.sophia.eps", self.eps), ("train.sophia.radius", self.radius)])
    }
}

impl LionSection {
    pub(super) fn check(&self) -> Result<(), RecipeError> {
        decays([("train.lion.beta1", self.beta1), ("train.lion.beta2", self.beta2)])
    }
}

/// Refuses decays outside of `[0, 1)`.
pub(super) fn decays<const N: usize>(fields: [(&str, f64); N]) -> Result<(), RecipeError> {
    match fields.into_iter().find(|(_, value)| !(0.0..1.0).contains(value)) {
        Some((field, value)) => Err(RecipeError::value(field, value, "it must lie from 0 to below 1")),
        None => Ok(()),
    }
}

/// Refuses what is no positive number.
pub(super) fn positive<const N: usize>(fields: [(&str, f64); N]) -> Result<(), RecipeError> {
    match fields.into_iter().find(|(_, value)| !(*value > 0.0 && value.is_finite())) {
        Some((field, value)) => Err(RecipeError::value(field, value, "it must be positive")),
        None => Ok(()),
    }
}
