//! `privleak`

use std::collections::BTreeMap;

use unlearn_core::score::{Direction, Score};

use super::mia::min_k;
use super::{Metric, Takes};
use crate::Needs;
use crate::observe::Beside;

pub(super) const METRIC: Metric = Metric {
    name: "privleak",
    page: "# Idea\n\
        How far a membership attack tells the forget rows from rows that no model saw, beside how far it does so of \
        the retrained model.\n\n\
        # Formula\n\
        `100 (A - A_retrained) / A_retrained`, where `A = 1 - mia/min-k`: 0 is what retraining gives, below it the \
        forget rows still look learned (-100 at worst), above it they are shunned.\n\n\
        # Paper\n\
        Shi et al., *MUSE*, 2024, arXiv 2407.06460.\n\n\
        # Reference implementation\n\
        `swj0419/muse_bench`; `locuslab/open-unlearning`, `src/evals/metrics/privacy.py`.\n\n\
        # Deviations\n\
        Without a retrained model it is not taken; open-unlearning assumes 0.5 then.\n",
    needs: Needs::ANSWER,
    usual: true,
    takes: Takes::Beside(take),
};

fn take(beside: &Beside<'_>) -> Option<Score> {
    let alone = |subject| Beside { subject, retrained: None, reference: None, shadows: &[] };
    let shunned = |subject| {
        let beside = alone(subject);
        let [members, others] = ["forget", "holdout"].map(|set| min_k::score(&beside, set));
        Some(1.0 - crate::score::auc(&members, &others)?)
    };
    let (ours, theirs) = (shunned(beside.subject)?, shunned(beside.retrained?)?);
    Some(Score {
        value: (theirs > 0.0).then(|| 100.0 * (ours - theirs) / theirs),
        interval: None,
        n: beside.subject.rows("forget") + beside.subject.rows("holdout"),
        direction: Direction::Neither,
        per_item: Vec::new(),
        gap: None,
        parts: BTreeMap::from([("auc".to_owned(), 1.0 - ours), ("auc-retrained".to_owned(), 1.0 - theirs)]),
    })
}
