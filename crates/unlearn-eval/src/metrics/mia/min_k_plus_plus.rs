//! `mia/min-k-plus-plus`

use crate::Needs;
use crate::metrics::{Metric, Takes};
use crate::observe::Beside;
pub(crate) const METRIC: Metric = Metric {
    name: "mia/min-k-plus-plus",
    page: "# Idea\n\
        As `mia/min-k`, with each token measured against what else could have stood there: what was learned is a peak of the distribution.\n\n\
        # Formula\n\
        As `mia/min-k`, of `(log p - mean) / deviation`, with mean and standard deviation of the log-probability of the next token; the variance is at least 1e-6. The value is the AUC of holdout against forget rows: 1 where the forget rows look learned.\n\n\
        # Paper\n\
        Zhang et al., *Min-K%++*, 2024, arXiv 2404.02936.\n\n\
        # Reference implementation\n\
        `locuslab/open-unlearning`, `src/evals/metrics/mia`.\n\n\
        # Deviations\n\
        None.\n",
    needs: Needs::ANSWER,
    usual: true,
    takes: Takes::Members(score),
};

/// The least standard deviation: the reference implementation's least variance is 1e-6.
const LEAST: f64 = 1e-3;

fn score(beside: &Beside<'_>, set: &str) -> Vec<Option<f64>> {
    beside.subject.of(set, |seen| {
        seen.of_answers(|_, tokens| {
            super::lowest(tokens, |t| {
                let above = f64::from(tokens.log_probs[t]) - f64::from(tokens.expected[t]);
                above / f64::from(tokens.deviation[t]).max(LEAST)
            })
        })
    })
}
