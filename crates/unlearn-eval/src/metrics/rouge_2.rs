//! `rouge-2`

use unlearn_stats::rouge::rouge_n;

use super::{Metric, Rows, Takes, of_generations};
use crate::Needs;

pub(super) const METRIC: Metric = Metric {
    name: "rouge-2",
    page: "# Idea\n\
        How many of the answer's pairs of words the subject says on its own.\n\n\
        # Formula\n\
        ROUGE-2 recall with the Porter stemmer: pairs of neighbouring words in common over those of the data's answer. The set's value is the mean over its rows. Rows \
        without a question in words have none.\n\n\
        # Paper\n\
        Lin, *ROUGE*, 2004.\n\n\
        # Reference implementation\n\
        `google-research/rouge` (the PyPI package `rouge-score`).\n\n\
        # Deviations\n\
        None.\n",
    needs: Needs::GENERATIONS,
    usual: true,
    takes: Takes::Rows(Rows::known(|seen| of_generations(seen, |truth, said| rouge_n(truth, said, 2, true).recall))),
};
