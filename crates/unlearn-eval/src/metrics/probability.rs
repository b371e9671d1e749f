//! `probability`

use super::{Metric, Rows, Takes, items};
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
    needs: Needs::ANSWER,
    usual: true,
    takes: Takes::Rows(Rows::known(|seen| items(of(seen)))),
};

pub(crate) fn of(seen: &Observations) -> Vec<Option<f64>> {
    seen.of_answers(|_, tokens| tokens.mean().map(f64::exp))
}
