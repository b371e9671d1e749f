//! `exact-memorization`

use super::{Metric, Rows, Takes, items};
use crate::{Needs, Observations};

pub(super) const METRIC: Metric = Metric {
    name: "exact-memorization",
    page: "# Idea\n\
        The share of the answer's tokens that the subject would have said, had it said all those before.\n\n\
        # Formula\n\
        `mean over the answer's tokens of [token is the most likely one]`, the end token left out. The set's value is \
        the mean over its rows.\n\n\
        # Paper\n\
        Tirumala et al., *Memorization without overfitting*, 2022, arXiv 2205.10770.\n\n\
        # Reference implementation\n\
        `locuslab/open-unlearning`, `src/evals/metrics/memorization.py`.\n\n\
        # Deviations\n\
        An answer of one token keeps it, and is not divided by zero.\n",
    needs: Needs::ANSWER,
    usual: true,
    takes: Takes::Rows(Rows::known(|seen| items(of(seen)))),
};

pub(crate) fn of(seen: &Observations) -> Vec<Option<f64>> {
    seen.of_answers(|_, tokens| {
        let greedy = &tokens.greedy[tokens.without_end()];
        (!greedy.is_empty()).then(|| greedy.iter().filter(|&&g| g).count() as f64 / greedy.len() as f64)
    })
}
