//! `rouge`

use unlearn_stats::rouge::rouge_l;

use super::{Metric, Rows, Takes, of_generations};
use crate::Needs;

pub(super) const METRIC: Metric = Metric {
    name: "rouge",
    page: "# Idea\n\
        How much of the answer the subject says on its own: greedy answer against the data's.\n\n\
        # Formula\n\
        ROUGE-L recall with the Porter stemmer: the longest common subsequence of words over the words of the \
        data's answer. The set's value is the mean over its rows. Rows without a question in words have none.\n\n\
        # Paper\n\
        Lin, *ROUGE*, 2004; in TOFU: Maini et al., 2024, arXiv 2401.06121.\n\n\
        # Reference implementation\n\
        `google-research/rouge` (the PyPI package `rouge-score`).\n\n\
        # Deviations\n\
        None.\n",
    needs: Needs::GENERATIONS,
    usual: true,
    takes: Takes::Rows(Rows::known(|seen| of_generations(seen, |truth, said| rouge_l(truth, said, true).recall))),
};
