//! `kl`

use unlearn_stats::divergence;

use super::{Metric, Takes, apart_by_tokens};
use crate::Needs;

pub(super) const METRIC: Metric = Metric {
    name: "kl",
    page: "# Idea\n\
        How far the subject's next tokens are from those of the retrained model: what the scores of single answers do \
        not show.\n\n\
        # Formula\n\
        `mean over a row's supervised tokens of KL(p_retrained || p_subject)`, in nats, over the whole vocabulary. The \
        set's value is the mean over the rows that were looked into: at most 64, evenly spread. 0 where both are the \
        same; two retrained models from different seeds are not 0 apart either.\n\n\
        # Paper\n\
        Kullback and Leibler, 1951; for unlearning: Golatkar et al., 2020, arXiv 1911.04933.\n\n\
        # Reference implementation\n\
        None.\n\n\
        # Deviations\n\
        None. Needs `--retrained`; taken when it is named.\n",
    needs: Needs { inside: true, ..Needs::NONE },
    usual: false,
    takes: Takes::Apart(|ours, theirs| apart_by_tokens(ours, theirs, |p, q| divergence::kl(q, p))),
};
