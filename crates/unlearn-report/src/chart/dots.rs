//! The dot plot with intervals: scores from 0 to 1 of several subjects, one metric a row.

use super::legend::legend;
use crate::html::Html;
use crate::svg::{self, Scale, is_drawable};

const WIDTH: f64 = 960.0;
const LEFT: f64 = 290.0;
const RIGHT: f64 = 24.0;
const LANE: f64 = 14.0;
const ROW_GAP: f64 = 16.0;
const HEADING: f64 = 30.0;
const FOOT: f64 = 42.0;

/// Scores as dots on a common scale from 0 to 1.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DotPlot {
    /// Said to those who cannot see the plot, before the description.
    pub title: String,
    /// What the plot shows.
    pub description: String,
    /// The subjects, in the order of the dots of each row.
    pub subjects: Vec<String>,
    /// The rows, by set.
    pub groups: Vec<DotGroup>,
}

/// Rows under a heading.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DotGroup {
    /// The heading.
    pub title: String,
    /// The rows.
    pub rows: Vec<DotRow>,
}

/// One metric.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DotRow {
    /// Its name.
    pub label: String,
    /// One dot a subject; none where there is no score.
    pub dots: Vec<Option<Dot>>,
}

/// One score.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Dot {
    /// Its value.
    pub value: f64,
    /// Its interval.
    pub interval: Option<[f64; 2]>,
}

impl Dot {
    /// Whether the value and the interval lie on the plot's scale.
    pub fn fits(&self) -> bool {
        let fits = |x: f64| (0.0..=1.0).contains(&x);
        fits(self.value) && self.interval.is_none_or(|ends| ends.into_iter().all(fits))
    }
}

impl DotPlot {
    /// The plot as an SVG element.
    pub fn render(&self) -> Html {
        let mut keys = Html::new();
        let names: Vec<&str> = self.subjects.iter().map(String::as_str).collect();
        let key = |h: &mut Html, i: usize, (x, y): (f64, f64)| self.draw_dot(h, i, (x + 22.0, y), None);
        let top = legend(&mut keys, &names, LEFT, WIDTH - RIGHT, key) + 6.0;
        let rows: usize = self.groups.iter().map(|g| g.rows.len()).sum();
        let bottom = top + HEADING * self.groups.len() as f64 + self.row_height() * rows as f64;
        svg::drawing((WIDTH, bottom + FOOT), &self.title, &self.description, |h| {
            h.append(keys);
            let x = Scale::new(0.0, 1.0, LEFT, WIDTH - RIGHT);
            draw_axis(h, &x, top, bottom);
            let mut y = top;
            for group in &self.groups {
                svg::label(h, "group", (0.0, y + HEADING - 10.0), "start", &group.title);
                y += HEADING;
                for row in &group.rows {
                    self.draw_row(h, row, y, &x);
                    y += self.row_height();
                }
            }
        })
    }

    fn row_height(&self) -> f64 {
        LANE * self.subjects.len().max(1) as f64 + ROW_GAP
    }

    fn draw_row(&self, h: &mut Html, row: &DotRow, y: f64, x: &Scale) {
        let height = self.row_height();
        svg::line(h, "grid", (0.0, y), (WIDTH - RIGHT, y));
        svg::label(h, "row", (LEFT - 16.0, y + height / 2.0 + 4.0), "end", &row.label);
        for (i, dot) in row.dots.iter().enumerate() {
            let Some(dot) = dot.filter(|d| is_drawable(d.value)) else { continue };
            let y = y + (ROW_GAP + LANE) / 2.0 + LANE * i as f64;
            let ends = dot.interval.filter(|ends| ends.iter().all(|e| is_drawable(*e)));
            self.draw_dot(h, i, (x.at(dot.value), y), ends.map(|[low, high]| (x.at(low), x.at(high))));
        }
    }

    fn draw_dot(&self, h: &mut Html, i: usize, (x, y): (f64, f64), ends: Option<(f64, f64)>) {
        let class = svg::colour_class(i);
        if let Some((low, high)) = ends {
            svg::line(h, &format!("whisker {class}"), (low, y), (high, y));
        }
        svg::path(h, &format!("dot {class}"), "", &svg::marker((x, y), i));
    }
}

fn draw_axis(h: &mut Html, x: &Scale, top: f64, bottom: f64) {
    for (value, text) in x.ticks(5) {
        svg::line(h, "grid", (x.at(value), top), (x.at(value), bottom));
        svg::label(h, "tick", (x.at(value), bottom + 18.0), "middle", &text);
    }
    svg::line(h, "axis", (LEFT, bottom), (WIDTH - RIGHT, bottom));
    svg::label(
        h,
        "name",
        ((LEFT + WIDTH - RIGHT) / 2.0, bottom + 38.0),
        "middle",
        "score, with its 95\u{a0}% interval",
    );
}
