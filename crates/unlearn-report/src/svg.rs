//! What the charts are drawn with: scales, ticks, markers and line styles.

use crate::html::{Attributes, Html};
use crate::number;

/// A mapping of values to positions in a drawing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

/// Values beyond this are drawn as if they were not finite: their span would overflow.
pub const LARGEST: f64 = 1e300;

/// Whether a value can be drawn.
pub fn is_drawable(x: f64) -> bool {
    x.is_finite() && x.abs() <= LARGEST
}

impl Scale {
    /// Maps `low` to `from` and `high` to `to`. A range that is empty, or nearly so, is widened.
    pub fn new(low: f64, high: f64, from: f64, to: f64) -> Self {
        let is_wide = high - low > f64::max(1e-290, low.abs() * 1e-12);
        let pad = if is_wide { 0.0 } else { (low.abs() * 0.1).max(0.5) };
        Self { low: low - pad, high: high + pad, from, to }
    }

    /// As [`Scale::new`], from the first tick to the last.
    pub fn nice(low: f64, high: f64, from: f64, to: f64, ticks: usize) -> Self {
        let scale = Self::new(low, high, from, to);
        let step = tick_step(scale.low, scale.high, ticks);
        let (low, high) = ((scale.low / step + 1e-9).floor() * step, (scale.high / step - 1e-9).ceil() * step);
        Self::new(low, high, from, to)
    }

    /// The position of a value.
    pub fn at(&self, x: f64) -> f64 {
        self.from + (x - self.low) / (self.high - self.low) * (self.to - self.from)
    }

    /// About `wanted` round values in the range, each with its label.
    pub fn ticks(&self, wanted: usize) -> Vec<(f64, String)> {
        let step = tick_step(self.low, self.high, wanted);
        let first = (self.low / step - 1e-9).ceil();
        let last = (self.high / step + 1e-9).floor();
        let count = ((last - first) as usize).min(4 * wanted.max(1));
        let largest = self.low.abs().max(self.high.abs());
        (0..=count).map(|i| (first + i as f64) * step).map(|x| (x, tick_label(x, step, largest))).collect()
    }
}

/// A step of 1, 2 or 5 times a power of ten that divides a range into about `wanted` parts.
pub fn tick_step(low: f64, high: f64, wanted: usize) -> f64 {
    let rough = (high - low) / wanted.max(1) as f64;
    if !(rough.is_finite() && rough >= 1e-300) {
        return 1.0;
    }
    let power = 10f64.powf(rough.log10().floor());
    let digit = [1.0, 2.0, 5.0].into_iter().find(|d| d * power >= rough * 0.999).unwrap_or(10.0);
    digit * power
}

fn tick_label(x: f64, step: f64, largest: f64) -> String {
    if x == 0.0 || x.abs() < step * 1e-6 {
        return "0".into();
    }
    if !(0.001..1e6).contains(&largest) {
        let digits = (x.abs().log10().floor() - step.log10().floor()).clamp(0.0, 6.0) as usize;
        return number::scientific(x, digits);
    }
    if step >= 1.0 && largest >= 10_000.0 {
        return number::score(x);
    }
    number::fixed(x, (-step.log10().floor()).clamp(0.0, 9.0) as usize)
}

/// A length or position, to a tenth.
pub fn position(x: f64) -> String {
    let text = format!("{:.1}", x.clamp(-1e6, 1e6));
    text.strip_suffix(".0").map_or(text.clone(), |whole| if whole == "-0" { "0".into() } else { whole.into() })
}

/// A drawing with a title and a description for those who cannot see it.
pub fn drawing(size: (f64, f64), title: &str, description: &str, fill: impl FnOnce(&mut Html)) -> Html {
    let view_box = format!("0 0 {} {}", position(size.0), position(size.1));
    let mut html = Html::new();
    html.element("svg", &[("role", "img"), ("viewBox", &view_box), ("xmlns", "http://www.w3.org/2000/svg")], |h| {
        h.leaf("title", &[], title);
        h.leaf("desc", &[], description);
        fill(h);
    });
    html
}

/// A straight line.
pub fn line(h: &mut Html, class: &str, from: (f64, f64), to: (f64, f64)) {
    let (x1, y1, x2, y2) = (position(from.0), position(from.1), position(to.0), position(to.1));
    h.void("line", &[("class", class), ("x1", &x1), ("y1", &y1), ("x2", &x2), ("y2", &y2)]);
}

/// A line of text; `anchor` is `start`, `middle` or `end`.
pub fn label(h: &mut Html, class: &str, (x, y): (f64, f64), anchor: &str, text: &str) {
    let attributes: Attributes = &[("class", class), ("x", &position(x)), ("y", &position(y)), ("text-anchor", anchor)];
    h.leaf("text", attributes, text);
}

/// A path.
pub fn path(h: &mut Html, class: &str, dash: &str, d: &str) {
    if dash.is_empty() {
        h.void("path", &[("class", class), ("d", d)]);
    } else {
        h.void("path", &[("class", class), ("stroke-dasharray", dash), ("d", d)]);
    }
}

/// The class that gives the `i`-th series or subject its colour.
pub fn colour_class(i: usize) -> &'static str {
    ["c0", "c1", "c2", "c3", "c4", "c5"][i % 6]
}

/// The dash pattern of the `i`-th line: lines differ by more than colour.
pub fn dash(i: usize) -> &'static str {
    ["", "7 4", "2 3", "10 3 2 3", "5 2", "1 2"][i % 6]
}

/// The outline of the `i`-th subject's marker: subjects differ by more than colour.
pub fn marker((x, y): (f64, f64), i: usize) -> String {
    let p = |dx: f64, dy: f64| format!("{} {}", position(x + dx), position(y + dy));
    let polygon = |points: &[(f64, f64)]| {
        let corners: Vec<String> = points.iter().map(|(dx, dy)| p(*dx, *dy)).collect();
        format!("M{}Z", corners.join("L"))
    };
    match i % 5 {
        0 => format!("M{}a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0 -9 0Z", p(-4.5, 0.0)),
        1 => polygon(&[(-4.2, -4.2), (4.2, -4.2), (4.2, 4.2), (-4.2, 4.2)]),
        2 => polygon(&[(0.0, -6.0), (6.0, 0.0), (0.0, 6.0), (-6.0, 0.0)]),
        3 => polygon(&[(0.0, -5.5), (5.5, 4.5), (-5.5, 4.5)]),
        _ => polygon(&[(0.0, 5.5), (5.5, -4.5), (-5.5, -4.5)]),
    }
}

/// About how wide a label is, in the drawing's units.
pub fn text_width(text: &str) -> f64 {
    text.chars().count() as f64 * 7.2
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(low: f64, high: f64) -> Vec<String> {
        Scale::nice(low, high, 0.0, 1.0, 4).ticks(4).into_iter().map(|(_, l)| l).collect()
    }

    #[test]
    fn ticks_are_round_and_say_so_briefly() {
        assert_eq!(labels(0.0, 1.0), ["0.0", "0.5", "1.0"].map(|s| if s == "0.0" { "0" } else { s }));
        assert_eq!(labels(0.0, 2e-5), ["0", "5 × 10⁻⁶", "1.0 × 10⁻⁵", "1.5 × 10⁻⁵", "2.0 × 10⁻⁵"]);
        assert_eq!(labels(0.0, 19_000.0), ["0", "5,000", "10,000", "15,000", "20,000"]);
        assert_eq!(labels(-3.0, 7.0), ["−5", "0", "5", "10"]);
    }

    #[test]
    fn odd_ranges_have_ticks_too() {
        for (low, high) in [(0.0, 0.0), (5.0, 5.0), (-LARGEST, LARGEST), (0.0, 1e-310), (1e17, 1e17 + 2.0)] {
            let scale = Scale::nice(low, high, 0.0, 100.0, 5);
            let ticks = scale.ticks(5);
            assert!((1..=21).contains(&ticks.len()), "{low} to {high}: {ticks:?}");
            assert!(scale.at(low).is_finite());
        }
    }
}
