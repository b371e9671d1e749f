//! Runs of one recipe from several seeds, as tables.

use super::{column, table};
use crate::comparison::Comparison;
use crate::html::Html;
use crate::seeds::{SeedRow, Seeds, groups};
use crate::{number, scores};

pub(super) fn over_seeds(comparison: &Comparison) -> Option<Html> {
    let groups = groups(comparison);
    let mut h = Html::new();
    groups.iter().for_each(|seeds| write(&mut h, seeds));
    (!groups.is_empty()).then_some(h)
}

fn write(h: &mut Html, seeds: &Seeds) {
    let caption = format!(
        "One recipe from {} seeds ({}): means, standard deviations, and the 95\u{a0}% t intervals of the means",
        seeds.runs.len(),
        seeds.names().join(", ")
    );
    table(h, "scores", &caption, |h| {
        h.element("thead", &[], |h| {
            h.element("tr", &[], |h| {
                ["Metric", "Better"].into_iter().for_each(|text| column(h, "", text));
                ["Seeds", "Mean", "Deviation"].into_iter().for_each(|text| column(h, "number", text));
            });
        });
        h.element("tbody", &[], |h| seeds.rows.iter().for_each(|row| write_row(h, row)));
    });
}

fn write_row(h: &mut Html, row: &SeedRow) {
    h.element("tr", &[], |h| {
        h.leaf("th", &[("scope", "row")], row.metric);
        h.leaf("td", &[], scores::direction_words(row.direction));
        h.leaf("td", &[("class", "number")], &row.n.to_string());
        h.element("td", &[("class", "number")], |h| {
            h.leaf("span", &[("class", "value")], &number::score(row.spread.mean));
            h.text(" ");
            h.leaf("span", &[("class", "interval")], &number::interval(row.spread.interval));
        });
        h.leaf("td", &[("class", "number")], &number::score(row.spread.deviation));
    });
}
