//! `memorization-score`

use std::collections::BTreeMap;

use unlearn_core::score::Score;

use super::{Metric, Takes, composite};
use crate::Needs;

pub(super) const METRIC: Metric = Metric {
    name: "memorization-score",
    page: "# Idea\n\
        One number for how little of the forget answers is left: zero as soon as one way of asking brings all of them \
        out.\n\n\
        # Formula\n\
        The harmonic mean of `1 - m` of the forget set, for `m` in `extraction-strength`, `exact-memorization`, \
        `probability-paraphrased` and `probability-normalised`. `parts` says what went into it.\n\n\
        # Paper\n\
        Dorna et al., *OpenUnlearning*, 2025, arXiv 2506.12618.\n\n\
        # Reference implementation\n\
        None: the paper's, whose fourth part is the truth ratio as a share, `p / (p + p_wrong)`.\n\n\
        # Deviations\n\
        `probability-normalised`, the answer's share among it and all wrong ones, stands for that share. What a set \
        does not have is left out.\n",
    needs: Needs { answer: true, paraphrased: true, perturbed: true, ..Needs::NONE },
    usual: true,
    takes: Takes::Scores(take),
};

const PARTS: [&str; 4] =
    ["extraction-strength", "exact-memorization", "probability-paraphrased", "probability-normalised"];

fn take(scores: &BTreeMap<String, Score>) -> Option<Score> {
    let part = |metric: &&str| {
        let name = format!("forget/{metric}");
        let value = scores.get(&name)?.value?;
        Some((name, (1.0 - value).clamp(0.0, 1.0)))
    };
    composite(PARTS.iter().filter_map(part).collect())
}
