//! `fluency`

use unlearn_core::score::Direction;
use unlearn_stats::text::fluency;

use super::{Metric, Rows, Takes, items};
use crate::Needs;

pub(super) const METRIC: Metric = Metric {
    name: "fluency",
    page: "# Idea\n\
        Whether longer answers are still language: low where they run in circles.\n\n\
        # Formula\n\
        `(entropy of pairs of words + 2 * entropy of triples) / 3`, in bits, of the greedy answer. It grows with the \
        answer's length: compare only the same questions with the same limit. Answers of fewer than three words have \
        none.\n\n\
        # Paper\n\
        Zhang et al., 2018; as in ROME: Meng et al., 2022, arXiv 2202.05262.\n\n\
        # Reference implementation\n\
        `kmeng01/rome`, `n_gram_entropy`.\n\n\
        # Deviations\n\
        Words are what stands between white space.\n",
    needs: Needs::GENERATIONS,
    usual: true,
    takes: Takes::Rows(Rows {
        direction: |_| Direction::Neither,
        ..Rows::known(|seen| {
            let of = |said: &Option<String>| fluency(&said.as_deref()?.split_whitespace().collect::<Vec<_>>());
            items(seen.generations.iter().map(of).collect())
        })
    }),
};
