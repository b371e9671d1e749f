//! `js`

use unlearn_stats::divergence;

use super::{Metric, Takes, apart_by_tokens};
use crate::Needs;

pub(super) const METRIC: Metric = Metric {
    name: "js",
    page: "# Idea\n\
        As `kl`, the same from both sides, and bounded: a few tokens that one model excludes do not decide.\n\n\
        # Formula\n\
        `mean over a row's supervised tokens of JS(p_retrained, p_subject)`, in nats, at most ln 2. The set's value is \
        the mean over the rows that were looked into: at most 64, evenly spread.\n\n\
        # Paper\n\
        Lin, 1991.\n\n\
        # Reference implementation\n\
        None.\n\n\
        # Deviations\n\
        None. Needs `--retrained`; taken when it is named.\n",
    needs: Needs { inside: true, ..Needs::NONE },
    usual: false,
    takes: Takes::Apart(|ours, theirs| apart_by_tokens(ours, theirs, divergence::js)),
};
