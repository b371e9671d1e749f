//! `hidden-distance`

use std::collections::BTreeMap;

use unlearn_core::score::{Direction, Score};
use unlearn_data::Row;
use unlearn_stats::energy::{Distances, test};
use unlearn_stats::permutation::Permutation;

use super::{Metric, Takes};
use crate::observation::Peek;
use crate::observe::Beside;
use crate::{Needs, Observations};

pub(super) const METRIC: Metric = Metric {
    name: "hidden-distance",
    page: "# Idea\n\
        Whether the subject's inside treats the forget rows as it treats rows of the same kind that no model saw, \
        whatever comes out in the end: a mask at the output does not hide what was learned inside.\n\n\
        # Formula\n\
        The state at the last token of the question, where the answer begins, after each block, of the forget rows `x` \
        and of the holdout rows `y`: the share `1 - (E|x - x'| + E|y - y'|) / (2 E|x - y|)` of the energy distance, 0 \
        where both are spread alike, 1 where each is a point of its own; the value is the mean over the blocks, `parts` \
        holds each. `p-value`: how often chance gives as much, when forget and holdout are exchanged by whom the rows are \
        about (1999 draws, or every way where there are at most 20000). Read it with the p-value: of few rows, the value \
        is well above 0 by chance alone. Of at most 64 rows of each, evenly spread.\n\n\
        # Paper\n\
        Székely and Rizzo, *Energy statistics: a class of statistics based on distances*, 2013.\n\n\
        # Reference implementation\n\
        `scipy.stats.energy_distance`, of points on a line.\n\n\
        # Deviations\n\
        Many dimensions, and a share instead of the root. It is no charge of the verdict: what retrained models come to \
        by themselves is to be seen beside it. Needs `--holdout`; taken when it is named.\n",
    needs: Needs { inside: true, ..Needs::NONE },
    usual: false,
    takes: Takes::Beside(take),
};

/// Every one goes over all pairs of rows in every block.
const DRAWS: usize = 1999;

fn take(beside: &Beside<'_>) -> Option<Score> {
    let [forget, holdout] = [beside.subject.on("forget")?, beside.subject.on("holdout")?];
    let [ours, others] = [forget.inside.as_ref()?, holdout.inside.as_ref()?];
    let blocks = ours.inside.layers.len();
    let view = |block: usize| Distances::of(&[starts(ours, block), starts(others, block)].concat(), ours.inside.width);
    let views: Vec<Distances> = (0..blocks).map(view).collect::<Option<_>>()?;
    let members = by_subject(forget, ours, 0);
    let unseen = by_subject(holdout, others, ours.rows.len());
    let tested = test(&views, &members, &unseen, Permutation { draws: DRAWS, ..Permutation::seeded(0) })?;
    let (members, unseen) = (members.concat(), unseen.concat());
    let shares = views
        .iter()
        .enumerate()
        .map(|(block, view)| Some((format!("layer-{block:03}"), view.share(&members, &unseen)?)));
    let mut parts: BTreeMap<String, f64> = shares.collect::<Option<_>>()?;
    parts.insert("p-value".into(), tested.p_value);
    Some(Score {
        value: Some(tested.statistic),
        interval: None,
        n: members.len() + unseen.len(),
        direction: Direction::Neither,
        per_item: Vec::new(),
        gap: None,
        parts,
    })
}

/// Each row's state where its answer begins, after a block: `[rows, width]`.
fn starts(peek: &Peek, block: usize) -> Vec<f32> {
    let (states, width) = (&peek.inside.layers[block], peek.inside.width);
    let begins = peek.inside.tokens.iter().scan(0, |at, &n| Some(std::mem::replace(at, *at + n)));
    begins.flat_map(|token| &states[token * width..(token + 1) * width]).copied().collect()
}

/// The places of the rows that were looked into, counted from `first`, by whom they are about.
fn by_subject(seen: &Observations, peek: &Peek, first: usize) -> Vec<Vec<usize>> {
    let mut found: Vec<(Option<&str>, Vec<usize>)> = Vec::new();
    for (place, &row) in peek.rows.iter().enumerate() {
        let about = seen.rows.get(row).and_then(|row: &Row| row.entity.as_deref());
        match found.iter_mut().find(|(other, _)| about.is_some() && *other == about) {
            Some((_, places)) => places.push(first + place),
            None => found.push((about, vec![first + place])),
        }
    }
    found.into_iter().map(|(_, places)| places).collect()
}
