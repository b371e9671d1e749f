//! `cka`

use std::collections::BTreeMap;

use unlearn_core::score::{Direction, Score};
use unlearn_stats::similarity::debiased_linear_cka;

use super::{Metric, Takes};
use crate::observation::Peek;
use crate::{Needs, Observations};

pub(super) const METRIC: Metric = Metric {
    name: "cka",
    page: "# Idea\n\
        How alike the subject's inner pictures of the rows are to the retrained model's, whatever their coordinates: \
        forgetting that stays at the surface leaves them as they were.\n\n\
        # Formula\n\
        Linear centred kernel alignment, without bias for few rows, of the stream after each block, averaged over a \
        row's predicting positions, between the subject and the retrained model; the value is the mean over the \
        blocks, `parts` holds each. 1 where one is the other up to rotation, scale and shift. Of at most 64 rows, \
        evenly spread; at least 4.\n\n\
        # Paper\n\
        Kornblith et al., *Similarity of neural network representations revisited*, 2019, arXiv 1905.00414.\n\n\
        # Reference implementation\n\
        None.\n\n\
        # Deviations\n\
        The debiased estimate (Nguyen et al., 2020, arXiv 2010.15327). Needs `--retrained`; taken when it is named.\n",
    needs: Needs { inside: true, ..Needs::NONE },
    usual: false,
    takes: Takes::Apart(take),
};

fn take(ours: &Observations, theirs: &Observations) -> Option<Score> {
    let (ours, theirs) = (ours.inside.as_ref()?, theirs.inside.as_ref()?);
    if ours.rows != theirs.rows || ours.inside.layers.len() != theirs.inside.layers.len() {
        return None;
    }
    let of = |layer: usize| debiased_linear_cka(&pictures(ours, layer), &pictures(theirs, layer), ours.rows.len());
    let layers: Vec<f64> = (0..ours.inside.layers.len()).map(of).collect::<Option<_>>()?;
    let named = layers.iter().enumerate().map(|(layer, &value)| (format!("layer-{layer:03}"), value));
    Some(Score {
        value: Some(layers.iter().sum::<f64>() / layers.len() as f64),
        interval: None,
        n: ours.rows.len(),
        direction: Direction::Higher,
        per_item: Vec::new(),
        gap: None,
        parts: named.collect::<BTreeMap<_, _>>(),
    })
}

/// Each row's mean state after a block: `[rows, width]`.
fn pictures(peek: &Peek, layer: usize) -> Vec<f32> {
    let (states, width) = (&peek.inside.layers[layer], peek.inside.width);
    let (mut all, mut at) = (Vec::with_capacity(peek.rows.len() * width), 0);
    for &n in &peek.inside.tokens {
        let row = &states[at * width..(at + n) * width];
        all.extend((0..width).map(|i| row.iter().skip(i).step_by(width).sum::<f32>() / n.max(1) as f32));
        at += n;
    }
    all
}
