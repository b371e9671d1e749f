//! `truth-ratio`

use unlearn_core::score::Direction;

use super::{Metric, Rows, Takes, items};
use crate::{Needs, Observations};

pub(super) const METRIC: Metric = Metric {
    name: "truth-ratio",
    page: "# Idea\n\
        Whether the subject still prefers what is true, put in words that it was not trained on, to what is false.\n\n\
        # Formula\n\
        `R = exp(mean over wrong answers of their mean log-probability) / exp(mean log-probability of the paraphrased \
        answer)`: below 1 where the truth is preferred. Items are `R`. A forget set's value is the mean of \
        `min(R, 1/R)`, 1 where nothing is preferred; another set's the mean of `max(0, 1 - R)`, high where the truth \
        is. Where a row has no `paraphrased_answer`, its answer stands for it.\n\n\
        # Paper\n\
        Maini et al., *TOFU*, 2024, arXiv 2401.06121.\n\n\
        # Reference implementation\n\
        `locuslab/open-unlearning`, `src/evals/metrics/memorization.py`. The mean over wrong answers is geometric \
        there, and here; in the paper it is arithmetic.\n\n\
        # Deviations\n\
        In log space, without the epsilon of 1e-10.\n",
    needs: Needs { answer: true, paraphrased: true, perturbed: true, ..Needs::NONE },
    usual: true,
    takes: Takes::Rows(Rows {
        of: |seen| items(of(seen)),
        counts: |set, r| if forgotten(set) { r.min(1.0 / r) } else { (1.0 - r).max(0.0) },
        total: None,
        direction: |set| if set == "holdout" { Direction::Neither } else { Direction::Higher },
    }),
};

/// The largest logarithm of a ratio.
const LARGEST: f64 = 700.0;

fn forgotten(set: &str) -> bool {
    super::direction(set) != Direction::Higher
}

pub(crate) fn of(seen: &Observations) -> Vec<Option<f64>> {
    let ratio = |row: &crate::observation::Likelihoods| {
        let right = row.paraphrased.as_ref().or(row.answer.as_ref())?.mean()?;
        let wrong: Vec<f64> = row.perturbed.iter().flatten().filter_map(|t| t.mean()).collect();
        let mean = wrong.iter().sum::<f64>() / wrong.len() as f64;
        // JSON knows no infinity.
        (!wrong.is_empty()).then(|| (mean - right).clamp(-LARGEST, LARGEST).exp())
    };
    seen.likelihoods.iter().map(ratio).collect()
}
