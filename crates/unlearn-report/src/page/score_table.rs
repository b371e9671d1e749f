//! The scores: the plot, the table, and what the measures mean.

use super::{column, plot, table};
use crate::comparison::Comparison;
use crate::html::Html;
use crate::measure;
use crate::scores::{self, ScoreGroup, ScoreRow};

const HOW_TO_READ: &str = "Forgetting has worked when the scores on the forget set are close to those of a model that was \
    retrained without it, and all other scores are as they were. Each score is followed by the range in which it lies \
    with 95\u{a0}% confidence: scores whose ranges overlap widely may differ by chance alone.";

pub(super) fn score_table(comparison: &Comparison) -> Option<Html> {
    let groups = scores::groups(comparison);
    if groups.is_empty() {
        return None;
    }
    let mut h = Html::new();
    h.leaf("p", &[], HOW_TO_READ);
    plot::plot(&mut h, comparison, &groups);
    table(&mut h, "scores", "Every score with its 95\u{a0}% interval", |h| {
        h.element("thead", &[], |h| {
            h.element("tr", &[], |h| {
                column(h, "", "Measure");
                comparison.subjects.iter().for_each(|s| column(h, "number", &s.name));
                column(h, "", "Better");
                column(h, "number", "Items");
            });
        });
        groups.iter().for_each(|group| write_group(h, group, comparison.subjects.len() + 3));
    });
    glossary(&mut h, &groups);
    Some(h)
}

fn write_group(h: &mut Html, group: &ScoreGroup, columns: usize) {
    let (title, aim) = measure::set_title(group.set);
    h.element("tbody", &[], |h| {
        h.element("tr", &[("class", "group")], |h| {
            h.element("th", &[("scope", "rowgroup"), ("colspan", &columns.to_string())], |h| {
                h.text(title);
                if !aim.is_empty() {
                    h.leaf("span", &[("class", "aim")], &format!(" – {aim}"));
                }
            });
        });
        group.rows.iter().for_each(|row| write_row(h, row));
    });
}

fn write_row(h: &mut Html, row: &ScoreRow) {
    h.element("tr", &[], |h| {
        h.element("th", &[("scope", "row")], |h| {
            h.text(measure::label(row.metric));
            h.text(" ");
            h.leaf("code", &[("class", "metric")], row.metric);
        });
        for score in &row.scores {
            h.element("td", &[("class", "number")], |h| {
                h.leaf("span", &[("class", "value")], &scores::value(*score));
                if let Some(interval) = scores::interval(*score) {
                    h.text(" ");
                    h.leaf("span", &[("class", "interval")], &interval);
                }
            });
        }
        h.element("td", &[("class", "direction")], |h| {
            h.leaf("span", &[("aria-hidden", "true")], scores::direction_sign(row.direction));
            h.text(" ");
            h.text(scores::direction_words(row.direction));
        });
        h.leaf("td", &[("class", "number")], &row.items());
    });
}

fn glossary(h: &mut Html, groups: &[ScoreGroup]) {
    let metrics = || groups.iter().flat_map(|g| &g.rows).map(|row| row.metric);
    let known = measure::MEASURES.iter().filter(|m| metrics().any(|name| measure::find(name) == Some(m)));
    let known: Vec<_> = known.collect();
    if known.is_empty() {
        return;
    }
    h.element("details", &[], |h| {
        h.leaf("summary", &[], "What the measures mean");
        h.element("dl", &[], |h| {
            for measure in known {
                h.leaf("dt", &[], measure.label);
                h.leaf("dd", &[], measure.meaning);
            }
        });
    });
}
