//! `probability-paraphrased`

use super::{Metric, Rows, Takes, items};
use crate::Needs;

pub(super) const METRIC: Metric = Metric {
    name: "probability-paraphrased",
    page: "# Idea\n\
        How probable the subject finds the same answer in other words: what was forgotten word by word may still be \
        known.\n\n\
        # Formula\n\
        As `probability`, of the row's `paraphrased_answer`. Rows without one have none.\n\n\
        # Paper\n\
        Maini et al., *TOFU*, 2024, arXiv 2401.06121.\n\n\
        # Reference implementation\n\
        `locuslab/open-unlearning`, `src/evals/metrics/memorization.py`.\n\n\
        # Deviations\n\
        None.\n",
    needs: Needs { paraphrased: true, ..Needs::NONE },
    usual: true,
    takes: Takes::Rows(Rows::known(|seen| {
        let of = |l: &crate::observation::Likelihoods| Some(l.paraphrased.as_ref()?.mean()?.exp());
        items(seen.likelihoods.iter().map(of).collect())
    })),
};
