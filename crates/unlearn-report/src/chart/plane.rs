//! Places on a plane with intervals on both axes, and the line that joins those on the Pareto front.

use std::fmt::Write;

use super::legend::legend;
use crate::html::Html;
use crate::svg::{self, Scale, is_drawable, position};

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 440.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 24.0;
const BOTTOM: f64 = 46.0;

/// Points on a plane on which left and up are better.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PlanePlot {
    /// Said to those who cannot see the plot, before the description.
    pub title: String,
    /// What the plot shows.
    pub description: String,
    /// What runs along the horizontal axis.
    pub x_label: String,
    /// What runs up the vertical axis; it stands above it.
    pub y_label: String,
    /// The points.
    pub points: Vec<Point>,
}

/// One subject.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Point {
    /// Its name in the legend.
    pub name: String,
    /// Where it lies.
    pub at: (f64, f64),
    /// Its interval along the horizontal axis.
    pub x_interval: Option<[f64; 2]>,
    /// Its interval along the vertical axis.
    pub y_interval: Option<[f64; 2]>,
    /// Whether it is on the front, and so on the line.
    pub is_front: bool,
    /// Whether it is what the others are to come to: it is ringed.
    pub is_goal: bool,
}

impl Point {
    fn is_drawable(&self) -> bool {
        is_drawable(self.at.0) && is_drawable(self.at.1)
    }

    fn ends(&self) -> ([f64; 2], [f64; 2]) {
        let ends = |interval: Option<[f64; 2]>, at: f64| match interval {
            Some(ends) if ends.iter().all(|e| is_drawable(*e)) => ends,
            _ => [at, at],
        };
        (ends(self.x_interval, self.at.0), ends(self.y_interval, self.at.1))
    }
}

impl PlanePlot {
    /// The plot as an SVG element.
    pub fn render(&self) -> Html {
        svg::drawing((WIDTH, HEIGHT), &self.title, &self.description, |h| self.draw(h))
    }

    fn draw(&self, h: &mut Html) {
        let names: Vec<String> = self.points.iter().map(entry).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let key = |h: &mut Html, i: usize, (x, y): (f64, f64)| draw_marker(h, &self.points[i], i, (x + 18.0, y));
        let top = legend(h, &names, 0.0, WIDTH - RIGHT, key) + 14.0;
        svg::label(h, "name", (0.0, top + 6.0), "start", &self.y_label);
        let top = top + 20.0;
        let drawn: Vec<(usize, &Point)> = self.points.iter().enumerate().filter(|(_, p)| p.is_drawable()).collect();
        let Some((x, y)) = scales(&drawn, top) else {
            return svg::label(h, "tick", (WIDTH / 2.0, HEIGHT / 2.0), "middle", "no values to draw");
        };
        draw_axes(h, &x, &y, top, &self.x_label);
        draw_front(h, &drawn, &x, &y);
        for (i, point) in &drawn {
            let (cx, cy) = (x.at(point.at.0), y.at(point.at.1));
            let (across, up) = point.ends();
            let class = format!("whisker thin {}", svg::colour_class(*i));
            svg::line(h, &class, (x.at(across[0]), cy), (x.at(across[1]), cy));
            svg::line(h, &class, (cx, y.at(up[0])), (cx, y.at(up[1])));
            draw_marker(h, point, *i, (cx, cy));
        }
    }
}

fn entry(point: &Point) -> String {
    let what = match (point.is_goal, point.is_front) {
        (true, _) => " (the goal)",
        (_, true) => " (on the front)",
        _ => "",
    };
    format!("{}{what}", point.name)
}

fn scales(drawn: &[(usize, &Point)], top: f64) -> Option<(Scale, Scale)> {
    let bounds = |ends: &dyn Fn(&Point) -> [f64; 2]| {
        let low = drawn.iter().map(|(_, p)| ends(p)[0]).fold(f64::INFINITY, f64::min);
        let high = drawn.iter().map(|(_, p)| ends(p)[1]).fold(f64::NEG_INFINITY, f64::max);
        (low <= high).then_some((low, high))
    };
    let (x_low, x_high) = bounds(&|p| p.ends().0)?;
    let (y_low, y_high) = bounds(&|p| p.ends().1)?;
    Some((Scale::nice(x_low, x_high, LEFT, WIDTH - RIGHT, 8), Scale::nice(y_low, y_high, HEIGHT - BOTTOM, top, 6)))
}

fn draw_axes(h: &mut Html, x: &Scale, y: &Scale, top: f64, x_label: &str) {
    let bottom = HEIGHT - BOTTOM;
    for (value, text) in y.ticks(6) {
        svg::line(h, "grid", (LEFT, y.at(value)), (WIDTH - RIGHT, y.at(value)));
        svg::label(h, "tick", (LEFT - 8.0, y.at(value) + 4.0), "end", &text);
    }
    for (value, text) in x.ticks(8) {
        svg::line(h, "grid", (x.at(value), top), (x.at(value), bottom));
        svg::label(h, "tick", (x.at(value), bottom + 18.0), "middle", &text);
    }
    svg::line(h, "axis", (LEFT, bottom), (WIDTH - RIGHT, bottom));
    svg::line(h, "axis", (LEFT, top), (LEFT, bottom));
    svg::label(h, "name", ((LEFT + WIDTH - RIGHT) / 2.0, HEIGHT - 6.0), "middle", x_label);
}

/// Steps from member to member: what lies right of and below them is dominated.
fn draw_front(h: &mut Html, drawn: &[(usize, &Point)], x: &Scale, y: &Scale) {
    let mut members: Vec<(f64, f64)> = drawn.iter().filter(|(_, p)| p.is_front).map(|(_, p)| p.at).collect();
    members.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let mut d = String::new();
    for (i, (mx, my)) in members.iter().enumerate() {
        // Writing to a string cannot fail.
        let _ = match i {
            0 => write!(d, "M{} {}", position(x.at(*mx)), position(y.at(*my))),
            _ => write!(d, "H{}V{}", position(x.at(*mx)), position(y.at(*my))),
        };
    }
    if members.len() > 1 {
        svg::path(h, "front", "4 4", &d);
    }
}

fn draw_marker(h: &mut Html, point: &Point, i: usize, (x, y): (f64, f64)) {
    let class = svg::colour_class(i);
    if point.is_goal {
        let (cx, cy) = (position(x), position(y));
        h.void("circle", &[("class", &format!("ring {class}")), ("cx", &cx), ("cy", &cy), ("r", "9")]);
    }
    svg::path(h, &format!("dot {class}"), "", &svg::marker((x, y), i));
}
