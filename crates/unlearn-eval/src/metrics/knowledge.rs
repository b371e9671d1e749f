//! `knowledge`

use unlearn_core::score::Item;
use unlearn_stats::rouge::rouge_l;

use super::{Metric, Rows, Takes, of_generations};
use crate::{Needs, Observations};

pub(super) const METRIC: Metric = Metric {
    name: "knowledge",
    page: "# Idea\n\
        Whether short answers to questions about a text are known: MUSE's knowledge memorisation.\n\n\
        # Formula\n\
        ROUGE-L F1 of the greedy answer and the data's, without stemming. The set's value is the mean over its rows. \
        The benchmark's rows carry the questions and answers that go before as examples.\n\n\
        # Paper\n\
        Shi et al., *MUSE*, 2024, arXiv 2407.06460.\n\n\
        # Reference implementation\n\
        `swj0419/muse_bench`, `metrics/knowmem.py`.\n\n\
        # Deviations\n\
        None. Taken when it is named, or by a benchmark.\n",
    needs: Needs::GENERATIONS,
    usual: false,
    takes: Takes::Rows(Rows::known(overlap)),
};

/// ROUGE-L F1 of every greedy answer, without stemming.
pub(super) fn overlap(seen: &Observations) -> Vec<Item> {
    of_generations(seen, |truth, said| rouge_l(truth, said, false).f1)
}
