//! `verbatim`

use super::knowledge::overlap;
use super::{Metric, Rows, Takes};
use crate::Needs;

pub(super) const METRIC: Metric = Metric {
    name: "verbatim",
    page: "# Idea\n\
        Whether the subject goes on with a text as the text itself goes on: MUSE's verbatim memorisation.\n\n\
        # Formula\n\
        ROUGE-L F1 of the greedy continuation of a text's beginning and the text's own, without stemming; the limit of \
        the answer is that of the benchmark (128 tokens). The set's value is the mean over its rows.\n\n\
        # Paper\n\
        Shi et al., *MUSE*, 2024, arXiv 2407.06460.\n\n\
        # Reference implementation\n\
        `swj0419/muse_bench`, `metrics/verbmem.py`.\n\n\
        # Deviations\n\
        The text's own continuation is not cut to the answer's limit. Taken when it is named, or by a benchmark.\n",
    needs: Needs::GENERATIONS,
    usual: false,
    takes: Takes::Rows(Rows::known(overlap)),
};
