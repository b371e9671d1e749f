//! `mia/reference`

use crate::Needs;
use crate::metrics::{Metric, Takes};
use crate::observe::Beside;
pub(crate) const METRIC: Metric = Metric {
    name: "mia/reference",
    page: "# Idea\n\
        As `mia/loss`, beside what another model makes of the same text: what is hard for both was not learned.\n\n\
        # Formula\n\
        A row's score is its loss under the subject minus its loss under the reference (`--reference`). The value is the AUC of holdout against forget rows: 1 where the forget rows look learned.\n\n\
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
    let Some(reference) = beside.reference else { return Vec::new() };
    let loss =
        |seen: &crate::observe::Looked| seen.of(set, |seen| seen.of_answers(|_, tokens| tokens.mean().map(|m| -m)));
    loss(beside.subject).into_iter().zip(loss(reference)).map(|(own, other)| Some(own? - other?)).collect()
}
