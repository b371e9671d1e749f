//! The line chart.

use std::fmt::Write;

use super::legend::legend;
use crate::html::Html;
use crate::svg::{self, Scale, is_drawable, position};

/// A line is drawn through at most this many points.
pub const MAX_POINTS: usize = 400;

const LEFT: f64 = 78.0;
const RIGHT: f64 = 14.0;
const BOTTOM: f64 = 46.0;
const LABEL: f64 = 18.0;
const TICKS: usize = 5;

/// Lines over a common axis.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LineChart {
    /// Said to those who cannot see the chart, before the description.
    pub title: String,
    /// What the chart shows.
    pub description: String,
    /// What runs along the horizontal axis.
    pub x_label: String,
    /// What runs up the vertical axis; it stands above it.
    pub y_label: String,
    /// Width and height.
    pub size: (f64, f64),
    /// The lines.
    pub series: Vec<Series>,
    /// Places along the horizontal axis that are marked.
    pub marks: Vec<Mark>,
    /// Whether every point is seen as such.
    pub with_dots: bool,
}

/// A marked place along the horizontal axis.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Mark {
    /// Where.
    pub at: f64,
    /// What is there.
    pub label: String,
}

/// One line. It has a gap where a value is not finite.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Series {
    /// Its name in the legend.
    pub name: String,
    /// Its points, from left to right.
    pub points: Vec<(f64, f64)>,
}

impl LineChart {
    /// The chart as an SVG element.
    pub fn render(&self) -> Html {
        svg::drawing(self.size, &self.title, &self.description, |h| self.draw(h))
    }

    fn draw(&self, h: &mut Html) {
        let (width, height) = self.size;
        let names: Vec<&str> = self.series.iter().map(|s| s.name.as_str()).collect();
        let key = |h: &mut Html, i: usize, (x, y): (f64, f64)| {
            let class = format!("line {}", svg::colour_class(i));
            svg::path(h, &class, svg::dash(i), &format!("M{} {}h26", position(x), position(y)));
        };
        let shown: &[&str] = if names.len() > 1 { &names } else { &[] };
        svg::label(h, "name", (0.0, 14.0), "start", &self.y_label);
        let legend_left = LEFT.max(svg::text_width(&self.y_label) + 24.0);
        let top = legend(h, shown, legend_left, width - RIGHT, key).max(LABEL) + 12.0;
        let drawable =
            || self.series.iter().flat_map(|s| &s.points).filter(|(x, y)| is_drawable(*x) && is_drawable(*y));
        let Some((x_low, x_high)) = range(drawable().map(|p| p.0)) else {
            return svg::label(h, "tick", (width / 2.0, height / 2.0), "middle", "no values to draw");
        };
        let (y_low, y_high) = range(drawable().map(|p| p.1)).unwrap_or((0.0, 1.0));
        let x = Scale::new(x_low, x_high, LEFT, width - RIGHT);
        let y = Scale::nice(y_low, y_high, height - BOTTOM, top, TICKS);
        self.draw_axes(h, &x, &y);
        for mark in self.marks.iter().filter(|m| m.at >= x_low && m.at <= x_high) {
            draw_mark(h, mark, x.at(mark.at), (top, height - BOTTOM), width);
        }
        for (i, series) in self.series.iter().enumerate() {
            draw_series(h, series, i, &x, &y);
            if self.with_dots {
                let points = series.points.iter().filter(|(x, y)| is_drawable(*x) && is_drawable(*y));
                points.for_each(|point| draw_point(h, svg::colour_class(i), *point, &x, &y));
            }
        }
    }

    fn draw_axes(&self, h: &mut Html, x: &Scale, y: &Scale) {
        let (width, height) = self.size;
        let bottom = height - BOTTOM;
        for (value, text) in y.ticks(TICKS) {
            svg::line(h, "grid", (LEFT, y.at(value)), (width - RIGHT, y.at(value)));
            svg::label(h, "tick", (LEFT - 8.0, y.at(value) + 4.0), "end", &text);
        }
        for (value, text) in x.ticks(if width < 600.0 { 5 } else { 8 }) {
            svg::line(h, "axis", (x.at(value), bottom), (x.at(value), bottom + 5.0));
            svg::label(h, "tick", (x.at(value), bottom + 19.0), "middle", &text);
        }
        svg::line(h, "axis", (LEFT, bottom), (width - RIGHT, bottom));
        svg::label(h, "name", ((LEFT + width - RIGHT) / 2.0, height - 6.0), "middle", &self.x_label);
    }
}

/// A line from top to bottom, its label on the side where there is room.
fn draw_mark(h: &mut Html, mark: &Mark, x: f64, (top, bottom): (f64, f64), width: f64) {
    svg::line(h, "mark", (x, top), (x, bottom));
    let (place, anchor) = if x > width / 2.0 { (x - 6.0, "end") } else { (x + 6.0, "start") };
    svg::label(h, "key", (place, (top + bottom) / 2.0), anchor, &mark.label);
}

fn draw_series(h: &mut Html, series: &Series, i: usize, x: &Scale, y: &Scale) {
    let class = svg::colour_class(i);
    let mut d = String::new();
    for stretch in stretches(&thin(&series.points)) {
        if let [point] = stretch[..] {
            draw_point(h, class, point, x, y);
            continue;
        }
        for (j, (px, py)) in stretch.iter().enumerate() {
            let command = if j == 0 { 'M' } else { 'L' };
            // Writing to a string cannot fail.
            let _ = write!(d, "{command}{} {}", position(x.at(*px)), position(y.at(*py)));
        }
    }
    if !d.is_empty() {
        svg::path(h, &format!("line {class}"), svg::dash(i), &d);
    }
}

fn draw_point(h: &mut Html, class: &str, (px, py): (f64, f64), x: &Scale, y: &Scale) {
    let (cx, cy) = (position(x.at(px)), position(y.at(py)));
    h.void("circle", &[("class", &format!("dot {class}")), ("cx", &cx), ("cy", &cy), ("r", "2.5")]);
}

/// Leaves at most [`MAX_POINTS`] points: of each of a number of equal parts the lowest and the highest, so that
/// no peak is lost, or one that is not finite, so that no gap is.
fn thin(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    if points.len() <= MAX_POINTS {
        return points.to_vec();
    }
    let part = points.len().div_ceil(MAX_POINTS / 2);
    points.chunks(part).flat_map(extremes).collect()
}

fn extremes(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    if let Some(gap) = points.iter().find(|p| !is_drawable(p.1)) {
        return vec![*gap];
    }
    let by_height = |a: &&(f64, f64), b: &&(f64, f64)| a.1.total_cmp(&b.1);
    let mut ends: Vec<_> =
        points.iter().min_by(by_height).into_iter().chain(points.iter().max_by(by_height)).copied().collect();
    ends.sort_by(|a, b| a.0.total_cmp(&b.0));
    ends.dedup();
    ends
}

fn stretches(points: &[(f64, f64)]) -> Vec<Vec<(f64, f64)>> {
    let parts = points.split(|(x, y)| !is_drawable(*x) || !is_drawable(*y));
    parts.filter(|p| !p.is_empty()).map(<[_]>::to_vec).collect()
}

fn range(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.fold(None, |range, v| match range {
        None => Some((v, v)),
        Some((low, high)) => Some((f64::min(low, v), f64::max(high, v))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinning_keeps_peaks_and_gaps() {
        let mut points: Vec<_> = (0..10_000).map(|i| (f64::from(i), 1.0)).collect();
        points[5_003].1 = 99.0;
        points[7_777].1 = f64::NAN;
        let thinned = thin(&points);
        assert!(thinned.len() <= MAX_POINTS);
        assert!(thinned.contains(&(5_003.0, 99.0)));
        assert_eq!(stretches(&thinned).len(), 2);
    }
}
