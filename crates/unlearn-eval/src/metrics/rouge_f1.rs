//! `rouge-f1`

use unlearn_stats::rouge::rouge_l;

use super::{Metric, Rows, Takes, of_generations};
use crate::Needs;

pub(super) const METRIC: Metric = Metric {
    name: "rouge-f1",
    page: "# Idea\n\
        As `rouge`, but saying more than the answer costs.\n\n\
        # Formula\n\
        F1 of ROUGE-L precision and recall with the Porter stemmer. The set's value is the mean over its rows. Rows \
        without a question in words have none.\n\n\
        # Paper\n\
        Lin, *ROUGE*, 2004.\n\n\
        # Reference implementation\n\
        `google-research/rouge` (the PyPI package `rouge-score`).\n\n\
        # Deviations\n\
        None.\n",
    needs: Needs::GENERATIONS,
    usual: true,
    takes: Takes::Rows(Rows::known(|seen| of_generations(seen, |truth, said| rouge_l(truth, said, true).f1))),
};
