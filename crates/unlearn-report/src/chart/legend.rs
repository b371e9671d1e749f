//! The legend above a chart.

use crate::html::Html;
use crate::svg;

const LINE_HEIGHT: f64 = 20.0;
const KEY_WIDTH: f64 = 34.0;
const GAP: f64 = 22.0;

/// Draws a key and a name for each entry, from `(left, 14)` on, in as many lines as they need; returns their height.
pub(super) fn legend(
    h: &mut Html,
    names: &[&str],
    left: f64,
    right: f64,
    key: impl Fn(&mut Html, usize, (f64, f64)),
) -> f64 {
    let (mut x, mut y) = (left, 14.0);
    for (i, name) in names.iter().enumerate() {
        let width = KEY_WIDTH + svg::text_width(name);
        if x > left && x + width > right {
            (x, y) = (left, y + LINE_HEIGHT);
        }
        key(h, i, (x, y - 4.0));
        svg::label(h, "key", (x + KEY_WIDTH, y), "start", name);
        x += width + GAP;
    }
    if names.is_empty() { 0.0 } else { y + 8.0 }
}
