//! `depth`

use std::collections::BTreeMap;

use unlearn_core::score::{Direction, Item, Score};

use super::{Metric, Takes};
use crate::about::interval_of_items;
use crate::observe::Beside;
use crate::{Needs, Observations};

pub(super) const METRIC: Metric = Metric {
    name: "depth",
    page: "# Idea\n\
        How deep the forgetting goes: whether the subject's inner states still carry the answers, to be read out by a \
        model that knows how. A mask at the output leaves them in the middle.\n\n\
        # Formula\n\
        For each block, the stream of the model before (`--reference`), where it predicts an answer, is replaced by \
        the retrained model's, then by the subject's: `d1` and `d2` are what the answer's mean log-probability loses. \
        Blocks with `d1 > 0.05` carry knowledge; an item is `sum d1 clip(d2/d1, 0, 1) / sum d1` over them. 1: as far \
        erased as by retraining; 0: all is still there. Rows without such a block have none. Of the forget set, at \
        most 64 rows, evenly spread.\n\n\
        # Paper\n\
        *Unlearning Depth Score*, 2026, arXiv 2605.24614.\n\n\
        # Reference implementation\n\
        `gnueaj/unlearning-depth-score`.\n\n\
        # Deviations\n\
        All of the answer's tokens count, not an annotated part that names the entity. Needs `--retrained` and \
        `--reference`, which are read a second time; taken when it is named.\n",
    needs: Needs { inside: true, ..Needs::NONE },
    usual: false,
    takes: Takes::Beside(take),
};

/// A block carries knowledge where the retrained model's states cost more than this, in nats per token.
const CARRIES: f64 = 0.05;

fn take(beside: &Beside<'_>) -> Option<Score> {
    let seen: &Observations = beside.reference?.on("forget")?;
    let peek = seen.inside.as_ref()?;
    let patched = peek.patched.as_ref()?;
    let mut per_item = vec![Item::Missing; seen.rows.len()];
    let mut known = Vec::new();
    for (i, &row) in peek.rows.iter().enumerate() {
        let (mut erased, mut all) = (0.0, 0.0);
        for (retrained, subject) in patched.retrained.iter().zip(&patched.subject) {
            let (d1, d2) = (patched.own[i] - retrained[i], patched.own[i] - subject[i]);
            if d1 > CARRIES {
                erased += d1 * (d2 / d1).clamp(0.0, 1.0);
                all += d1;
            }
        }
        if all > 0.0 {
            per_item[row] = Item::Value(erased / all);
            known.push(erased / all);
        }
    }
    (!known.is_empty()).then(|| Score {
        value: Some(known.iter().sum::<f64>() / known.len() as f64),
        interval: interval_of_items(&seen.rows, &per_item, 0),
        n: known.len(),
        direction: Direction::Higher,
        per_item,
        gap: None,
        parts: BTreeMap::new(),
    })
}
