//! `mia/gradient-norm`

use crate::Needs;
use crate::metrics::{Metric, Takes};
use crate::observe::Beside;
pub(crate) const METRIC: Metric = Metric {
    name: "mia/gradient-norm",
    page: "# Idea\n\
        What was learned pulls less at the weights.\n\n\
        # Formula\n\
        A row's score is the Euclidean norm of its loss's gradient, taken for each parameter tensor apart, and averaged over the tensors; the end token is left out. The value is the AUC of holdout against forget rows: 1 where the forget rows look learned.\n\n\
        # Paper\n\
        Wang et al., *Pandora's white-box*, 2024, arXiv 2402.17012.\n\n\
        # Reference implementation\n\
        `locuslab/open-unlearning`, `src/evals/metrics/mia`.\n\n\
        # Deviations\n\
        Dropout is off.\n",
    needs: Needs { gradients: true, ..Needs::NONE },
    usual: true,
    takes: Takes::Members(score),
};

fn score(beside: &Beside<'_>, set: &str) -> Vec<Option<f64>> {
    beside.subject.of(set, |seen| seen.gradient_norms.clone())
}
