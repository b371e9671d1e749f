//! `wasserstein`

use std::collections::BTreeMap;

use unlearn_core::score::{Direction, Score};
use unlearn_stats::divergence::wasserstein_1;

use super::{Metric, Takes};
use crate::{Needs, Observations};

pub(super) const METRIC: Metric = Metric {
    name: "wasserstein",
    page: "# Idea\n\
        How far the set's losses, taken together, are from the retrained model's: equal means can hide that some rows \
        are known and others shunned.\n\n\
        # Formula\n\
        The first Wasserstein distance of the rows' mean negative log-likelihoods under the subject and under the \
        retrained model, in nats per token: the area between the two distribution functions.\n\n\
        # Paper\n\
        Kantorovich, 1942.\n\n\
        # Reference implementation\n\
        `scipy.stats.wasserstein_distance`.\n\n\
        # Deviations\n\
        None. Needs `--retrained`.\n",
    needs: Needs::ANSWER,
    usual: true,
    takes: Takes::Apart(take),
};

fn take(ours: &Observations, theirs: &Observations) -> Option<Score> {
    let losses = |seen: &Observations| -> Vec<f64> {
        seen.of_answers(|_, tokens| tokens.mean().map(|m| -m)).into_iter().flatten().collect()
    };
    let (ours, theirs) = (losses(ours), losses(theirs));
    Some(Score {
        value: Some(wasserstein_1(&ours, &theirs)?),
        interval: None,
        n: ours.len(),
        direction: Direction::Lower,
        per_item: Vec::new(),
        gap: None,
        parts: BTreeMap::new(),
    })
}
