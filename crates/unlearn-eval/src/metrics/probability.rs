//! `probability`

use super::Metric;
use crate::{Needs, Observations};

pub(crate) const METRIC: Metric = Metric {
    name: "probability",
    page: "# Idea\n\
        How probable the subject finds the answer, made comparable across lengths.\n\n\
        # Formula\n\
        `exp(mean over the answer's tokens of log p(token | what stands before it))`: the geometric mean of the \
        token probabilities, the end token included. The set's value is the mean over its rows.\n\n\
        # Paper\n\
        Maini et al., *TOFU*, 2024, arXiv 2401.06121.\n\n\
        # Reference implementation\n\
        `locuslab/open-unlearning`, `src/evals/metrics/memorization.py`.\n\n\
        # Deviations\n\
        None.\n",
    needs: Needs { log_probs: true, generations: false },
    score,
};

fn score(seen: &Observations) -> Vec<Option<f64>> {
    seen.log_probs.iter().map(|s| mean(s).map(f64::exp)).collect()
}

fn mean(log_probs: &[f32]) -> Option<f64> {
    let sum: f64 = log_probs.iter().map(|&x| f64::from(x)).sum();
    (!log_probs.is_empty()).then(|| sum / log_probs.len() as f64)
}
