//! Markup that is well-formed and escaped by construction: elements close themselves, and text, attribute
//! values included, goes in only through the escape. Tag and attribute names are literals of this program.

use crate::visible::visible;

/// Attribute names and values.
pub type Attributes<'a> = &'a [(&'static str, &'a str)];

/// A piece of HTML or SVG that grows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Html(String);

/// Elements that begin on a line of their own, so that the page can be read and compared as text.
const OWN_LINE: &[&str] = &[
    "body",
    "caption",
    "circle",
    "desc",
    "details",
    "div",
    "dl",
    "dt",
    "figcaption",
    "figure",
    "footer",
    "g",
    "h1",
    "h2",
    "h3",
    "head",
    "header",
    "html",
    "li",
    "line",
    "main",
    "meta",
    "nav",
    "p",
    "path",
    "pre",
    "rect",
    "section",
    "style",
    "svg",
    "table",
    "tbody",
    "td",
    "text",
    "th",
    "thead",
    "title",
    "tr",
    "ul",
];

impl Html {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// An element with what `fill` puts into it.
    pub fn element(&mut self, tag: &'static str, attributes: Attributes, fill: impl FnOnce(&mut Self)) {
        self.open(tag, attributes);
        self.0.push('>');
        fill(self);
        self.0.push_str("</");
        self.0.push_str(tag);
        self.0.push('>');
    }

    /// An element with nothing but text in it.
    pub fn leaf(&mut self, tag: &'static str, attributes: Attributes, text: &str) {
        self.element(tag, attributes, |h| h.text(text));
    }

    /// An element that has no content.
    pub fn void(&mut self, tag: &'static str, attributes: Attributes) {
        self.open(tag, attributes);
        self.0.push_str("/>");
    }

    /// Text, escaped, with its control characters made visible.
    pub fn text(&mut self, text: &str) {
        escape_into(&mut self.0, text);
    }

    /// Text in which backticks enclose what is set as code.
    pub fn text_with_code(&mut self, text: &str) {
        for (i, piece) in text.split('`').enumerate() {
            if i % 2 == 1 { self.leaf("code", &[], piece) } else { self.text(piece) }
        }
    }

    /// Markup that is part of this program.
    pub fn literal(&mut self, markup: &'static str) {
        self.0.push_str(markup);
    }

    /// Another piece.
    pub fn append(&mut self, other: Self) {
        self.0.push_str(&other.0);
    }

    /// The markup.
    pub fn into_string(self) -> String {
        self.0
    }

    fn open(&mut self, tag: &'static str, attributes: Attributes) {
        if OWN_LINE.contains(&tag) && !self.0.is_empty() && !self.0.ends_with('\n') {
            self.0.push('\n');
        }
        self.0.push('<');
        self.0.push_str(tag);
        for (name, value) in attributes {
            self.0.push(' ');
            self.0.push_str(name);
            self.0.push_str("=\"");
            escape_into(&mut self.0, value);
            self.0.push('"');
        }
    }
}

fn escape_into(out: &mut String, text: &str) {
    for c in visible(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_close_and_text_is_escaped() {
        let mut h = Html::new();
        h.element("p", &[("title", "\"><b>")], |h| h.text_with_code("a `<b>` & c"));
        assert_eq!(h.into_string(), "<p title=\"&quot;&gt;&lt;b&gt;\">a <code>&lt;b&gt;</code> &amp; c</p>");
    }
}
