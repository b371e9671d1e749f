//! `model-utility`

use std::collections::BTreeMap;

use unlearn_core::score::{Direction, Score};

use super::{Metric, Takes, composite};
use crate::Needs;

pub(super) const METRIC: Metric = Metric {
    name: "model-utility",
    page: "# Idea\n\
        One number for what is left of the rest: zero as soon as one part of it is gone.\n\n\
        # Formula\n\
        The harmonic mean of `probability`, `rouge` and `truth-ratio` of the sets that are to be kept: in TOFU \
        `retain`, `real-authors` and `world-facts`, nine numbers; elsewhere of every set but `forget`, `holdout`, and \
        what else belongs to the forget set. Of `real-authors` and `world-facts`, `probability-normalised` stands for \
        `probability`. `parts` says what went into it.\n\n\
        # Paper\n\
        Maini et al., *TOFU*, 2024, arXiv 2401.06121.\n\n\
        # Reference implementation\n\
        `locuslab/open-unlearning`, `src/evals/metrics/utility.py`.\n\n\
        # Deviations\n\
        Sets without wrong answers or without questions in words give what they have.\n",
    needs: Needs { answer: true, paraphrased: true, perturbed: true, generations: true, ..Needs::NONE },
    usual: true,
    takes: Takes::Scores(take),
};

fn take(scores: &BTreeMap<String, Score>) -> Option<Score> {
    let part = |name: &String, score: &Score| {
        let (set, metric) = name.split_once('/')?;
        let kept = super::direction(set) == Direction::Higher;
        let multiple = matches!(set, "real-authors" | "world-facts");
        let probability = if multiple { "probability-normalised" } else { "probability" };
        let counts = kept && (metric == probability || metric == "rouge" || metric == "truth-ratio");
        counts.then_some((name.clone(), score.value?))
    };
    let parts: BTreeMap<String, f64> = scores.iter().filter_map(|(name, score)| part(name, score)).collect();
    composite(parts)
}
