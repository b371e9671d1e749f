//! `mia/min-k`

use crate::Needs;
use crate::metrics::{Metric, Takes};
use crate::observe::Beside;
pub(crate) const METRIC: Metric = Metric {
    name: "mia/min-k",
    page: "# Idea\n\
        What was never seen holds a few very unlikely tokens, however well the rest goes.\n\n\
        # Formula\n\
        A row's score is minus the mean log-probability of the 40 % least likely tokens of its answer, the end token left out; at least one. The value is the AUC of holdout against forget rows: 1 where the forget rows look learned.\n\n\
        # Paper\n\
        Shi et al., *Detecting pretraining data from large language models*, 2023, arXiv 2310.16789.\n\n\
        # Reference implementation\n\
        `locuslab/open-unlearning`, `src/evals/metrics/mia`.\n\n\
        # Deviations\n\
        None.\n",
    needs: Needs::ANSWER,
    usual: true,
    takes: Takes::Members(score),
};

pub(crate) fn score(beside: &Beside<'_>, set: &str) -> Vec<Option<f64>> {
    beside
        .subject
        .of(set, |seen| seen.of_answers(|_, tokens| super::lowest(tokens, |t| f64::from(tokens.log_probs[t]))))
}
