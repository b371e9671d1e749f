//! The top of the page: title, verdict, the result in a sentence and in a few large numbers.

use super::verdicts;
use crate::comparison::{Comparison, Role};
use crate::html::Html;
use crate::summary::{self, Change};
use crate::{measure, number, scope};

pub(super) fn overview(h: &mut Html, comparison: &Comparison, contents: impl FnOnce(&mut Html)) {
    h.element("header", &[], |h| {
        h.element("h1", &[], |h| h.text(&comparison.title));
        h.element("p", &[("class", "subtitle")], |h| h.text_with_code(&comparison.subtitle));
        verdicts::verdicts(h, comparison);
        for sentence in summary::summary(comparison) {
            h.element("p", &[("class", "lead")], |h| h.text_with_code(&sentence));
        }
        notices(h, comparison);
        tiles(h, comparison);
        contents(h);
    });
}

fn notices(h: &mut Html, comparison: &Comparison) {
    for run in comparison.runs.iter().filter(|r| !r.record.finished) {
        h.element("p", &[("class", "notice"), ("role", "note")], |h| {
            h.leaf("strong", &[], "Not finished. ");
            h.text(&format!("The run {} has not come to its end; this page shows what there is so far.", run.name));
        });
    }
}

/// One tile for each set of the headline measure, where one subject was changed.
fn tiles(h: &mut Html, comparison: &Comparison) {
    let mut afters = comparison.with_role(Role::After);
    let (Some(after), None) = (afters.next(), afters.next()) else { return };
    let Some((measure, changes)) = summary::headline(comparison, after) else { return };
    h.element("ul", &[("class", "tiles")], |h| {
        for change in changes {
            h.element("li", &[], |h| tile(h, measure, &change));
        }
    });
}

fn tile(h: &mut Html, headline: &str, change: &Change) {
    let (title, aim) = scope::title(change.set);
    h.element("p", &[("class", "tile-title")], |h| {
        h.leaf("strong", &[], title);
        h.text(": ");
        h.text(aim);
    });
    h.element("p", &[("class", "tile-value")], |h| {
        if let Some(before) = change.before {
            h.leaf("span", &[("class", "was")], &number::short(before));
            h.leaf("span", &[("class", "arrow"), ("aria-hidden", "true")], " → ");
            h.leaf("span", &[("class", "unseen")], " to ");
        }
        h.text(&number::short(change.after));
    });
    let retrained = change.retrained.map(|x| format!("; retrained {}", number::short(x))).unwrap_or_default();
    h.leaf("p", &[("class", "tile-note")], &format!("{}{retrained}", measure::label(headline)));
}
