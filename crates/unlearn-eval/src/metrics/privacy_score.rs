//! `privacy-score`

use unlearn_core::score::Score;

use super::{METRICS, Metric, Takes, composite};
use crate::observe::Beside;
use crate::{Needs, score};

pub(super) const METRIC: Metric = Metric {
    name: "privacy-score",
    page: "# Idea\n\
        One number for how close membership attacks on the subject come to what they give of the retrained model: zero \
        as soon as one of them is far off, whichever way.\n\n\
        # Formula\n\
        The harmonic mean of `1 - |A - A_retrained| / A_retrained`, between 0 and 1, over the attacks `mia/loss`, \
        `mia/zlib`, `mia/min-k` and `mia/min-k-plus-plus`, where `A` is the attack's area. `parts` says what went into \
        it.\n\n\
        # Paper\n\
        Dorna et al., *OpenUnlearning*, 2025, arXiv 2506.12618.\n\n\
        # Reference implementation\n\
        `gnueaj/unlearning-depth-score` for the closeness.\n\n\
        # Deviations\n\
        None. Needs `--retrained` and `--holdout`.\n",
    needs: Needs::ANSWER,
    usual: true,
    takes: Takes::Beside(take),
};

const ATTACKS: [&str; 4] = ["mia/loss", "mia/zlib", "mia/min-k", "mia/min-k-plus-plus"];

fn take(beside: &Beside<'_>) -> Option<Score> {
    let other = Beside { subject: beside.retrained?, retrained: None, ..*beside };
    let closeness = |attack: &&str| {
        let metric = METRICS.iter().find(|m| m.name == *attack)?;
        let Takes::Members(of) = metric.takes else { return None };
        let area = |beside: &Beside<'_>| score::auc(&of(beside, "forget"), &of(beside, "holdout"));
        let (ours, theirs) = (area(beside)?, area(&other)?);
        let close = if theirs > 0.0 { 1.0 - (ours - theirs).abs() / theirs } else { 0.0 };
        Some(((*attack).to_owned(), close.clamp(0.0, 1.0)))
    };
    composite(ATTACKS.iter().filter_map(closeness).collect())
}
