//! `overall-score`

use std::collections::BTreeMap;

use unlearn_core::score::Score;

use super::{Metric, Takes, composite};
use crate::Needs;

pub(super) const METRIC: Metric = Metric {
    name: "overall-score",
    page: "# Idea\n\
        One number for all of it, for those who must rank: zero as soon as forgetting, privacy or the rest is lost.\n\n\
        # Formula\n\
        The harmonic mean of `memorization-score`, `privacy-score` and `model-utility`, of those that there are.\n\n\
        # Paper\n\
        Dorna et al., *OpenUnlearning*, 2025, arXiv 2506.12618.\n\n\
        # Reference implementation\n\
        None.\n\n\
        # Deviations\n\
        Utility there also holds the fluency of the forget answers, by a classifier.\n",
    needs: Needs::NONE,
    usual: true,
    takes: Takes::Scores(take),
};

const PARTS: [&str; 3] = ["memorization-score", "privacy-score", "model-utility"];

fn take(scores: &BTreeMap<String, Score>) -> Option<Score> {
    let part = |name: &&str| Some(((*name).to_owned(), scores.get(*name)?.value?));
    let parts: BTreeMap<String, f64> = PARTS.iter().filter_map(part).collect();
    (parts.len() > 1).then(|| composite(parts)).flatten()
}
