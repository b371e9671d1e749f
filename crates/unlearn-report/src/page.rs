//! The HTML page: one file, nothing fetched, no script, readable in the light, in the dark and on paper.

mod answer_tables;
mod attacks;
mod curves;
mod items;
mod looks;
mod over_seeds;
mod overview;
mod plot;
mod provenance;
mod score_table;
mod side_by_side;
mod verdicts;

use crate::comparison::Comparison;
use crate::html::{Attributes, Html};

const STYLE: &str = include_str!("page/style.css");

/// Even if something slipped through the escape, the browser would neither run nor fetch it.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// A part of the page: its anchor, its heading, and what it holds, if it has anything to show.
struct Section {
    anchor: &'static str,
    heading: &'static str,
    content: Option<Html>,
}

/// The comparison as a self-contained HTML page.
pub fn render_html(comparison: &Comparison) -> String {
    let section = |anchor, heading, content| Section { anchor, heading, content };
    let mut sections = vec![
        section("side-by-side", "Forgetting against keeping", side_by_side::side_by_side(comparison)),
        section("seeds", "Over seeds", over_seeds::over_seeds(comparison)),
        section("scores", "Scores", score_table::score_table(comparison)),
        section("attacks", "What attacks brought back", attacks::attacks(&comparison.runs)),
        section("answers", "Answers", answer_tables::answer_tables(comparison)),
        section("training", "Training", curves::curves(&comparison.runs)),
        section("origin", "How it was made", provenance::provenance(&comparison.runs)),
    ];
    sections.retain(|s| s.content.is_some());
    let mut h = Html::new();
    h.element("html", &[("lang", "en")], |h| {
        h.element("head", &[], |h| head(h, &comparison.title));
        h.element("body", &[], |h| {
            overview::overview(h, comparison, |h| contents(h, &sections));
            h.element("main", &[], |h| sections.into_iter().for_each(|s| s.write(h)));
            h.leaf(
                "footer",
                &[],
                "Made by unlearn. This page is complete in itself: it fetches nothing and runs no script.",
            );
        });
    });
    format!("<!DOCTYPE html>\n{}\n", h.into_string())
}

fn head(h: &mut Html, title: &str) {
    h.void("meta", &[("charset", "utf-8")]);
    h.void("meta", &[("http-equiv", "Content-Security-Policy"), ("content", POLICY)]);
    h.void("meta", &[("name", "viewport"), ("content", "width=device-width, initial-scale=1")]);
    h.void("meta", &[("name", "color-scheme"), ("content", "light dark")]);
    h.leaf("title", &[], title);
    h.element("style", &[], |h| h.literal(STYLE));
}

fn contents(h: &mut Html, sections: &[Section]) {
    h.element("nav", &[("aria-label", "Contents")], |h| {
        h.element("ul", &[], |h| {
            for section in sections {
                let target = format!("#{}", section.anchor);
                h.element("li", &[], |h| h.leaf("a", &[("href", &target)], section.heading));
            }
        });
    });
}

impl Section {
    fn write(self, h: &mut Html) {
        let Some(content) = self.content else { return };
        h.element("section", &[("id", self.anchor), ("aria-labelledby", &format!("{}-heading", self.anchor))], |h| {
            h.leaf("h2", &[("id", &format!("{}-heading", self.anchor))], self.heading);
            h.append(content);
        });
    }
}

/// A table that scrolls by itself where the window is too narrow for it.
fn table(h: &mut Html, class: &str, caption: &str, fill: impl FnOnce(&mut Html)) {
    h.element("div", &[("class", "scroll"), ("role", "region"), ("aria-label", caption), ("tabindex", "0")], |h| {
        h.element("table", &[("class", class)], |h| {
            h.element("caption", &[], |h| h.leaf("span", &[("class", "stays")], caption));
            fill(h);
        });
    });
}

/// The heading of a column.
fn column(h: &mut Html, class: &str, text: &str) {
    h.leaf("th", &[("scope", "col"), ("class", class)], text);
}

/// An SVG element with a caption below it. The drawing comes from [`crate::svg`], which escapes.
fn figure(h: &mut Html, drawing: Html, caption: &str) {
    h.element("figure", &[], |h| {
        let scroll: Attributes = &[("class", "scroll"), ("role", "region"), ("aria-label", caption), ("tabindex", "0")];
        h.element("div", scroll, |h| h.append(drawing));
        h.leaf("figcaption", &[], caption);
    });
}
