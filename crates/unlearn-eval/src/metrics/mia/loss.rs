//! `mia/loss`

use crate::Needs;
use crate::metrics::{Metric, Takes};
use crate::observe::Beside;
pub(crate) const METRIC: Metric = Metric {
    name: "mia/loss",
    page: "# Idea\n\
        What was learned has a lower loss.\n\n\
        # Formula\n\
        A row's score is the mean negative log-likelihood of its answer's tokens. The value is the AUC of holdout against forget rows: 1 where the forget rows look learned.\n\n\
        # Paper\n\
        Yeom et al., *Privacy risk in machine learning*, 2018, arXiv 1709.01604.\n\n\
        # Reference implementation\n\
        `locuslab/open-unlearning`, `src/evals/metrics/mia`.\n\n\
        # Deviations\n\
        None.\n",
    needs: Needs::ANSWER,
    usual: true,
    takes: Takes::Members(score),
};

fn score(beside: &Beside<'_>, set: &str) -> Vec<Option<f64>> {
    beside.subject.of(set, |seen| seen.of_answers(|_, tokens| tokens.mean().map(|m| -m)))
}
