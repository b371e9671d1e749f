//! `task-vector`

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use unlearn_engine::edit::{Bench, Edit};
use unlearn_engine::train::{FineTune, Outcome, Reference, Sets};
use unlearn_engine::{EngineError, LanguageModel};

use crate::MethodError;
use crate::arithmetic::combine;
use crate::manual::documented;
use crate::registry::Method;

documented! {
    /// # Idea
    /// Learn the forget set even better, and go the opposite way: what fine-tuning on the forget set adds to the weights
    /// is taken from them.
    ///
    /// It costs one fine-tuning and needs no retain data. A `lambda` that is large enough to forget may cost utility,
    /// and the direction holds more than the forget set.
    ///
    /// # Objective
    /// `θ = θ₀ − λ (θ_tuned − θ_base)`. `θ_tuned` is trained on the forget set from `θ₀` as `[train]` says, and
    /// `θ_base = θ₀`; or both are checkpoints that exist.
    ///
    /// # Paper
    /// Ilharco et al., *Editing Models with Task Arithmetic*, 2023, arXiv 2212.04089, section 3; for unlearning also
    /// Shi et al., *MUSE*, 2024, arXiv 2407.06460.
    ///
    /// # Reference implementation
    /// `mlfoundations/task_vectors`, `src/task_vectors.py`; `swj0419/muse_bench`, `baselines/task_vector.py`.
    ///
    /// # Defaults
    /// `lambda = 1` (MUSE's code; its scripts have 5). `tuned = ""` trains the vector, `base = ""` is the model itself.
    ///
    /// # Deviations
    /// The paper chooses `lambda` on a validation set; here it is given (`unlearn sweep` tries several).
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    pub struct TaskVector {
        /// How far to go.
        pub lambda: f64,
        /// A checkpoint that was tuned on the forget set.
        pub tuned: PathBuf,
        /// The checkpoint from which it was tuned.
        pub base: PathBuf,
    }
}

impl Default for TaskVector {
    fn default() -> Self {
        Self { lambda: 1.0, tuned: PathBuf::new(), base: PathBuf::new() }
    }
}

impl Method for TaskVector {
    const NAME: &'static str = "task-vector";
    const PAGE: &'static str = Self::PAGE;

    fn check(&self) -> Result<(), MethodError> {
        MethodError::require(self.lambda.is_finite(), "lambda", self.lambda, "it must be a number")
    }
}

impl Edit for TaskVector {
    fn retain_rows(&self) -> bool {
        false
    }

    fn inputs(&self) -> Vec<(String, PathBuf)> {
        let named = [("tuned", &self.tuned), ("base", &self.base)];
        let given = named.into_iter().filter(|(_, path)| !path.as_os_str().is_empty());
        given.map(|(role, path)| (role.to_owned(), path.clone())).collect()
    }

    fn apply(&self, model: &mut LanguageModel, bench: &mut Bench<'_>) -> Result<Outcome, EngineError> {
        let given = |path: &PathBuf| !path.as_os_str().is_empty();
        let (tuned, outcome) = if given(&self.tuned) {
            (bench.read_like(model, &self.tuned)?, Outcome::default())
        } else {
            let mut tuned = model.clone();
            let sets = Sets::new(bench.sets.forget.clone(), Vec::new());
            let (section, reference) = (bench.train, Reference::default());
            let outcome = bench.tune("tune", &mut tuned, (&mut FineTune, section), (&sets, &reference))?;
            (tuned, outcome)
        };
        let base = if given(&self.base) { bench.read_like(model, &self.base)? } else { model.clone() };
        bench.phase("combine")?;
        let lambda = self.lambda as f32;
        combine(model, &[&tuned, &base], |_, ours, theirs| {
            for (x, (t, b)) in ours.iter_mut().zip(theirs[0].iter().zip(&theirs[1])) {
                *x -= lambda * (t - b);
            }
        });
        Ok(outcome)
    }
}
