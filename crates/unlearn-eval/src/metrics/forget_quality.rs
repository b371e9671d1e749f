//! `forget-quality`

use std::collections::BTreeMap;

use unlearn_core::score::{Direction, Score};
use unlearn_stats::ks;

use super::{Metric, Takes, truth_ratio};
use crate::Needs;
use crate::observe::Beside;

pub(super) const METRIC: Metric = Metric {
    name: "forget-quality",
    page: "# Idea\n\
        Whether the subject's preferences between true and false answers to the forget questions could be those of a \
        model that never saw them.\n\n\
        # Formula\n\
        The exact p-value of the two-sided two-sample Kolmogorov-Smirnov test between the truth ratios of the subject \
        and of the retrained model on the forget set. Near 1: no difference was found; near 0: it still knows, or it \
        was pushed too far. It depends on the number of rows. `statistic` is the largest distance of the two \
        distribution functions.\n\n\
        # Paper\n\
        Maini et al., *TOFU*, 2024, arXiv 2401.06121.\n\n\
        # Reference implementation\n\
        `locuslab/open-unlearning`, `src/evals/metrics/privacy.py`; scipy's `ks_2samp`.\n\n\
        # Deviations\n\
        The p-value is exact, and does not become 0 where it is small.\n",
    needs: Needs { answer: true, paraphrased: true, perturbed: true, ..Needs::NONE },
    usual: true,
    takes: Takes::Beside(take),
};

fn take(beside: &Beside<'_>) -> Option<Score> {
    let ratios = |seen: &crate::observe::Looked| -> Vec<f64> {
        seen.of("forget", truth_ratio::of).into_iter().flatten().collect()
    };
    let (ours, theirs) = (ratios(beside.subject), ratios(beside.retrained?));
    let test = ks::two_sample(&ours, &theirs)?;
    Some(Score {
        value: Some(test.p_value),
        interval: None,
        n: ours.len(),
        direction: Direction::Higher,
        per_item: Vec::new(),
        gap: None,
        parts: BTreeMap::from([("statistic".to_owned(), test.statistic)]),
    })
}
