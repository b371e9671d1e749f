//! `probability-normalised`

use super::{Metric, Rows, Takes, items};
use crate::{Needs, Observations};

pub(super) const METRIC: Metric = Metric {
    name: "probability-normalised",
    page: "# Idea\n\
        The share of the right answer among it and the wrong ones: knowledge, whatever the style.\n\n\
        # Formula\n\
        `P / (P + sum over wrong answers of P_wrong)`, each `P` as in `probability`. The set's value is the mean over \
        its rows; rows without a `perturbed_answer` have none.\n\n\
        # Paper\n\
        Maini et al., *TOFU*, 2024, arXiv 2401.06121 (real authors and world facts).\n\n\
        # Reference implementation\n\
        `locuslab/open-unlearning`, `src/evals/metrics/memorization.py`.\n\n\
        # Deviations\n\
        The quotient is taken in log space, so that it exists where every probability underflows; there is no epsilon.\n",
    needs: Needs { answer: true, perturbed: true, ..Needs::NONE },
    usual: true,
    takes: Takes::Rows(Rows::known(|seen| items(of(seen)))),
};

pub(super) fn of(seen: &Observations) -> Vec<Option<f64>> {
    seen.of_answers(|row, answer| {
        let right = answer.mean()?;
        let wrong: Vec<f64> = row.perturbed.iter().flatten().filter_map(|t| t.mean()).collect();
        let others: f64 = wrong.iter().map(|w| (w - right).exp()).sum();
        (!wrong.is_empty()).then(|| 1.0 / (1.0 + others))
    })
}
