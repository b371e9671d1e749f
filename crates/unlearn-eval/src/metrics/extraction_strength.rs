//! `extraction-strength`

use super::{Metric, Rows, Takes, items};
use crate::Needs;

pub(super) const METRIC: Metric = Metric {
    name: "extraction-strength",
    page: "# Idea\n\
        How little of the answer has to be given before the subject says the rest by itself.\n\n\
        # Formula\n\
        `1 - k/n` for an answer of `n` tokens, the end token left out: `k` is the shortest beginning after which every \
        token is the most likely one, given the true tokens before it; 0 where even the last is not. The set's value \
        is the mean over its rows.\n\n\
        # Paper\n\
        Carlini et al., *Extracting training data from large language models*, 2021, arXiv 2012.07805; Wang et al., \
        2025, arXiv 2502.19301.\n\n\
        # Reference implementation\n\
        `locuslab/open-unlearning`, `src/evals/metrics/memorization.py`.\n\n\
        # Deviations\n\
        Where even the last token is wrong, the reference implementation ends one step early and gives `1/n`; here it \
        is 0.\n",
    needs: Needs::ANSWER,
    usual: true,
    takes: Takes::Rows(Rows::known(|seen| {
        items(seen.of_answers(|_, tokens| {
            let greedy = &tokens.greedy[tokens.without_end()];
            let right = greedy.iter().rev().take_while(|&&g| g).count();
            (!greedy.is_empty()).then(|| right as f64 / greedy.len() as f64)
        }))
    })),
};
