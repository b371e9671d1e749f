//! The scores: plots, the table of those that say most, what sets and measures mean, and the others folded away.

use super::side_by_side::score_cell;
use super::{column, items, plot, table};
use crate::comparison::{Comparison, Role, SubjectColumn};
use crate::gap;
use crate::html::Html;
use crate::scores::{self, Part, ScoreGroup, ScoreRow};
use crate::{measure, number, scope};

const HOW_TO_READ: &str = "Forgetting has worked when the scores on the forget set are close to those of a model that was \
    retrained without it, and all other scores are as they were. Each score is followed by the range in which it lies \
    with 95\u{a0}% confidence: scores whose ranges overlap widely may differ by chance alone.";

pub(super) fn score_table(comparison: &Comparison) -> Option<Html> {
    let (main, others) = (scores::groups(comparison, Part::Main), scores::groups(comparison, Part::Others));
    if main.is_empty() && others.is_empty() {
        return None;
    }
    let mut h = Html::new();
    h.leaf("p", &[], HOW_TO_READ);
    if main.is_empty() {
        write_table(&mut h, comparison, &others, "Every score with its 95\u{a0}% interval");
        return Some(h);
    }
    write_table(&mut h, comparison, &main, "The main scores with their 95\u{a0}% intervals");
    about_gaps(&mut h, comparison);
    glossary(&mut h, "What the measures mean", &main);
    plot::plot(&mut h, comparison, &main);
    items::items(&mut h, comparison);
    if !others.is_empty() {
        let rows: usize = others.iter().map(|g| g.rows.len()).sum();
        h.element("details", &[], |h| {
            h.leaf("summary", &[], &format!("More scores ({rows}), for a closer look"));
            write_table(h, comparison, &others, "The other scores with their 95\u{a0}% intervals");
            glossary(h, "What these measures mean", &others);
        });
    }
    Some(h)
}

/// The one subject whose gap to retraining has a column of its own; of several, each has it below its score.
fn only_changed(comparison: &Comparison) -> Option<&SubjectColumn> {
    let mut afters = comparison.with_role(Role::After);
    afters.next().filter(|_| afters.next().is_none() && comparison.with_role(Role::Retrained).count() > 0)
}

fn write_table(h: &mut Html, comparison: &Comparison, groups: &[ScoreGroup], caption: &str) {
    let only = only_changed(comparison);
    let columns = comparison.subjects.len() + 3 + usize::from(only.is_some());
    table(h, "scores", caption, |h| {
        h.element("thead", &[], |h| {
            h.element("tr", &[], |h| {
                column(h, "", "Measure");
                comparison.subjects.iter().for_each(|s| column(h, "number", &s.name));
                if only.is_some() {
                    column(h, "number", "Gap to retrained");
                }
                column(h, "", "Better");
                column(h, "number", "Items");
            });
        });
        groups.iter().for_each(|group| write_group(h, comparison, group, columns));
    });
}

fn write_group(h: &mut Html, comparison: &Comparison, group: &ScoreGroup, columns: usize) {
    let (title, aim) = scope::title(group.set);
    h.element("tbody", &[], |h| {
        h.element("tr", &[("class", "group")], |h| {
            h.element("th", &[("scope", "rowgroup"), ("colspan", &columns.to_string())], |h| {
                h.element("span", &[("class", "stays")], |h| {
                    h.text(title);
                    h.leaf("span", &[("class", "aim")], &format!(" – {aim}"));
                    if let Some(scope) = scope::find(group.set) {
                        h.leaf("span", &[("class", "scope")], scope.meaning);
                    }
                });
            });
        });
        group.rows.iter().for_each(|row| write_row(h, comparison, row));
    });
}

fn write_row(h: &mut Html, comparison: &Comparison, row: &ScoreRow) {
    let only = only_changed(comparison);
    h.element("tr", &[], |h| {
        h.element("th", &[("scope", "row")], |h| {
            h.text(measure::label(row.metric));
            h.text(" ");
            h.leaf("code", &[("class", "metric")], row.metric);
        });
        for (subject, score) in comparison.subjects.iter().zip(&row.scores) {
            let gap = if only.is_none() { gap_below(comparison, subject, row.metric) } else { None };
            score_cell(h, *score, gap.as_deref());
        }
        if let Some(subject) = only {
            match gap::of_subject(comparison, subject, row.metric) {
                Some(gap) => gap_cell(h, &gap::difference_text(&gap), &gap::note_text(&gap).unwrap_or_default()),
                None => gap_cell(h, number::MISSING, ""),
            }
        }
        h.element("td", &[("class", "direction")], |h| {
            h.leaf("span", &[("aria-hidden", "true")], scores::direction_sign(row.direction));
            h.text(" ");
            h.text(scores::direction_words(row.direction));
        });
        h.leaf("td", &[("class", "number")], &row.items());
    });
}

fn gap_below(comparison: &Comparison, subject: &SubjectColumn, metric: &str) -> Option<String> {
    let gap = (subject.role() == Role::After).then(|| gap::of_subject(comparison, subject, metric)).flatten()?;
    let note = gap::note_text(&gap).map_or_else(String::new, |note| format!(", {note}"));
    Some(format!("gap {}{note}", gap::difference_text(&gap)))
}

fn gap_cell(h: &mut Html, value: &str, note: &str) {
    h.element("td", &[("class", "number")], |h| {
        h.leaf("span", &[("class", "value")], value);
        if !note.is_empty() {
            h.text(" ");
            h.leaf("span", &[("class", "interval")], note);
        }
    });
}

fn about_gaps(h: &mut Html, comparison: &Comparison) {
    let models = comparison.with_role(Role::Retrained).count();
    let changed = comparison.with_role(Role::After).count();
    if models == 0 || changed == 0 {
        return;
    }
    let mut text =
        "The gap to retrained is the score less that of the model retrained without the forget set: 0 is what \
                    forgetting should come to."
            .to_owned();
    if models > 1 {
        text += &format!(
            " Of {models} retrained models it is the gap to their mean, and below it the same in units of the spread \
             among them (their standard deviation): up to about 2, retraining from another seed differs as much."
        );
    }
    h.leaf("p", &[("class", "legend")], &text);
}

fn glossary(h: &mut Html, title: &str, groups: &[ScoreGroup]) {
    let metrics = || groups.iter().flat_map(|g| &g.rows).map(|row| row.metric);
    let known = measure::MEASURES.iter().filter(|m| metrics().any(|name| measure::find(name) == Some(m)));
    let known: Vec<_> = known.collect();
    if known.is_empty() {
        return;
    }
    h.leaf("h3", &[], title);
    h.element("dl", &[("class", "legend")], |h| {
        for measure in known {
            h.element("div", &[], |h| {
                h.leaf("dt", &[], measure.label);
                h.leaf("dd", &[], measure.meaning);
            });
        }
    });
}
