//! The scores at a glance.

use super::figure;
use crate::chart::{Dot, DotGroup, DotPlot, DotRow};
use crate::comparison::Comparison;
use crate::html::Html;
use crate::scores::{ScoreGroup, ScoreRow, direction_sign};
use crate::{measure, scope};

/// Draws every score that lies between 0 and 1; those on other scales are in the table only.
pub(super) fn plot(h: &mut Html, comparison: &Comparison, groups: &[ScoreGroup]) {
    let drawn: Vec<DotGroup> = groups.iter().filter_map(dot_group).collect();
    if drawn.is_empty() {
        return;
    }
    let rows = |n: usize| if n == 1 { "1 score".to_owned() } else { format!("{n} scores") };
    let total: usize = groups.iter().map(|g| g.rows.len()).sum();
    let shown: usize = drawn.iter().map(|g| g.rows.len()).sum();
    let subjects: Vec<String> = comparison.subjects.iter().map(|s| s.name.clone()).collect();
    let mut caption = "Scores from 0 to 1; the line through a dot is its 95\u{a0}% interval. \
        ↓ lower is better, ↑ higher is better, ≈ to be compared with the retrained model."
        .to_owned();
    if shown < total {
        caption += &format!(" {} on another scale: see the table.", rows(total - shown));
    }
    let plot = DotPlot {
        title: "Scores with 95\u{a0}% intervals".into(),
        description: format!("{} of {}, as in the table below", rows(shown), subjects.join(", ")),
        subjects,
        groups: drawn,
    };
    figure(h, plot.render(), &caption);
}

fn dot_group(group: &ScoreGroup) -> Option<DotGroup> {
    let rows: Vec<DotRow> = group.rows.iter().filter_map(dot_row).collect();
    (!rows.is_empty()).then(|| DotGroup { title: scope::title(group.set).0.to_owned(), rows })
}

fn dot_row(row: &ScoreRow) -> Option<DotRow> {
    let dot = |score: &Option<&unlearn_core::score::Score>| {
        score.and_then(|s| Some(Dot { value: s.value?, interval: s.interval }))
    };
    let dots: Vec<Option<Dot>> = row.scores.iter().map(dot).collect();
    let fits = dots.iter().flatten().all(Dot::fits) && dots.iter().any(Option::is_some);
    let label = format!("{} {}", measure::label(row.metric), direction_sign(row.direction));
    fits.then_some(DotRow { label, dots })
}
