//! `merge`

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use unlearn_core::seed;
use unlearn_engine::edit::{Bench, Edit};
use unlearn_engine::train::{Outcome, Setup};
use unlearn_engine::{EngineError, LanguageModel};

use crate::MethodError;
use crate::arithmetic::combine;
use crate::manual::documented;
use crate::registry::Method;

/// How several models become one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// The weighted sum of the differences.
    #[default]
    Average,
    /// Trim, elect sign, and merge what agrees (Yadav et al., 2023).
    Ties,
    /// Drop at random and rescale (Yu et al., 2024), then the weighted sum.
    Dare,
}

documented! {
    /// # Idea
    /// Merge several unlearned models into one: one that forgot too much with one that forgot too little, or runs of
    /// several methods or seeds.
    ///
    /// # Objective
    /// `θ = θ₀ + λ · M(τ₁, τ₂, …)`, `τₖ = θₖ − θ₀`. `average`: `M = Σ wₖ τₖ / Σ wₖ`. `ties`: of each `τₖ` the share
    /// `density` of largest size is kept, each entry's sign is that of the weighted sum, and `M` is the weighted mean of
    /// the entries that have this sign. `dare`: each entry is kept with probability `density` and divided by it, then
    /// as `average`.
    ///
    /// # Paper
    /// Yadav et al., *TIES-Merging*, 2023, arXiv 2306.01708; Yu et al., *Language Models are Super Mario* (DARE), 2024,
    /// arXiv 2311.03099; for unlearning Xu et al., SemEval-2025 task 4, arXiv 2503.21088.
    ///
    /// # Reference implementation
    /// `arcee-ai/mergekit`, `mergekit/sparsify.py`, `mergekit/merge_methods`; `zjunlp/unlearn`,
    /// `semeval25/unlearn-merging.py`.
    ///
    /// # Defaults
    /// `how = "average"`, `density = 0.2` (TIES), `lambda = 1`; `weights = []` weighs all alike. `models = []` must be
    /// given.
    ///
    /// # Deviations
    /// Trimming is per tensor, as in mergekit; the paper trims over all of them together.
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    pub struct Merge {
        /// The models.
        pub models: Vec<PathBuf>,
        /// Their weights.
        pub weights: Vec<f64>,
        /// How they become one.
        pub how: How,
        /// Share of the entries that is kept.
        pub density: f64,
        /// How far to go from the model.
        pub lambda: f64,
    }
}

impl Default for Merge {
    fn default() -> Self {
        Self { models: Vec::new(), weights: Vec::new(), how: How::Average, density: 0.2, lambda: 1.0 }
    }
}

impl Method for Merge {
    const NAME: &'static str = "merge";
    const PAGE: &'static str = Self::PAGE;

    fn check(&self) -> Result<(), MethodError> {
        let share = self.density > 0.0 && self.density <= 1.0;
        MethodError::require(share, "density", self.density, "it must lie above 0 and not above 1")?;
        MethodError::require(self.lambda.is_finite(), "lambda", self.lambda, "it must be a number")?;
        let count = self.weights.len();
        let fits = count == 0 || count == self.models.len() && self.weights.iter().sum::<f64>() > 0.0;
        MethodError::require(fits, "weights", count as f64, "there must be one for each model, with a positive sum")
    }
}

impl Edit for Merge {
    fn prepare(&mut self, _: &Setup<'_>) -> Result<(), EngineError> {
        if self.models.is_empty() {
            let hint = "give `method.models`, the folders of the models to merge";
            return Err(EngineError::method("method.models", "it is not known what to merge", hint));
        }
        Ok(())
    }

    fn retain_rows(&self) -> bool {
        false
    }

    fn inputs(&self) -> Vec<(String, PathBuf)> {
        self.models.iter().enumerate().map(|(i, path)| (format!("merged.{i}"), path.clone())).collect()
    }

    fn apply(&self, model: &mut LanguageModel, bench: &mut Bench<'_>) -> Result<Outcome, EngineError> {
        bench.phase("combine")?;
        let read = self.models.iter().map(|path| bench.read_like(model, path));
        let others = read.collect::<Result<Vec<_>, _>>()?;
        let names: Vec<String> = model.parameters.specs().iter().map(|s| s.name.clone()).collect();
        combine(model, &others.iter().collect::<Vec<_>>(), |i, ours, theirs| {
            let differences: Vec<Vec<f64>> = theirs
                .iter()
                .enumerate()
                .map(|(k, theirs)| {
                    let tau = theirs.iter().zip(&*ours).map(|(t, o)| f64::from(*t) - f64::from(*o)).collect();
                    self.thinned(tau, &format!("dare/{}/{k}", names[i]), bench.seed)
                })
                .collect();
            for (at, x) in ours.iter_mut().enumerate() {
                *x = (f64::from(*x) + self.lambda * self.merged(&differences, at)) as f32;
            }
        });
        Ok(Outcome::default())
    }
}

impl Merge {
    /// The entries that take part; 0 for the others.
    fn thinned(&self, mut tau: Vec<f64>, stream: &str, seed: u64) -> Vec<f64> {
        match self.how {
            How::Average => {}
            How::Ties => {
                let mut sizes: Vec<f64> = tau.iter().map(|x| x.abs()).collect();
                sizes.sort_unstable_by(|a, b| b.total_cmp(a));
                let kept = ((tau.len() as f64 * self.density).ceil() as usize).clamp(1, tau.len().max(1));
                let least = sizes.get(kept - 1).copied().unwrap_or(0.0);
                tau.iter_mut().filter(|x| x.abs() < least).for_each(|x| *x = 0.0);
            }
            How::Dare => {
                let draws = seed::uniform(seed, stream, tau.len());
                for (x, draw) in tau.iter_mut().zip(draws) {
                    *x = if draw < self.density { *x / self.density } else { 0.0 };
                }
            }
        }
        tau
    }

    fn merged(&self, differences: &[Vec<f64>], at: usize) -> f64 {
        let weight = |k: usize| self.weights.get(k).copied().unwrap_or(1.0);
        let all = differences.iter().enumerate().map(|(k, tau)| (weight(k), tau[at]));
        let sum: f64 = all.clone().map(|(w, x)| w * x).sum();
        let agreeing: Vec<(f64, f64)> = match self.how {
            How::Ties => all.filter(|(_, x)| x * sum > 0.0).collect(),
            How::Average | How::Dare => all.collect(),
        };
        let total: f64 = agreeing.iter().map(|(w, _)| w).sum();
        if total == 0.0 { 0.0 } else { agreeing.iter().map(|(w, x)| w * x).sum::<f64>() / total }
    }
}
