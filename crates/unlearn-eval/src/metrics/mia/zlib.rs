//! `mia/zlib`

use crate::Needs;
use crate::metrics::{Metric, Takes};
use crate::observe::Beside;
pub(crate) const METRIC: Metric = Metric {
    name: "mia/zlib",
    page: "# Idea\n\
        As `mia/loss`, but text that is easy for everybody is not taken for learned.\n\n\
        # Formula\n\
        A row's score is its answer's mean negative log-likelihood divided by the answer's length in bytes once zlib has compressed it. The value is the AUC of holdout against forget rows: 1 where the forget rows look learned.\n\n\
        # Paper\n\
        Carlini et al., *Extracting training data from large language models*, 2021, arXiv 2012.07805.\n\n\
        # Reference implementation\n\
        `locuslab/open-unlearning`, `src/evals/metrics/mia`.\n\n\
        # Deviations\n\
        None.\n",
    needs: Needs::ANSWER,
    usual: true,
    takes: Takes::Members(score),
};

fn score(beside: &Beside<'_>, set: &str) -> Vec<Option<f64>> {
    beside.subject.of(set, |seen| {
        seen.of_answers(|row, tokens| {
            Some(-tokens.mean()? / unlearn_stats::zlib::compressed_len(row.text.as_bytes()) as f64)
        })
    })
}
