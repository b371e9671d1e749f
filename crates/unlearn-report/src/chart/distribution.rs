//! How the values of single items are spread from 0 to 1: a row of bars for each subject.

use crate::html::Html;
use crate::svg::{self, Scale, position};

const WIDTH: f64 = 960.0;
const LEFT: f64 = 290.0;
const RIGHT: f64 = 24.0;
const ROW: f64 = 58.0;
const BARS: f64 = 42.0;
const FOOT: f64 = 42.0;
const BINS: usize = 40;

/// Values of single items, a row for each subject and set.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Distribution {
    /// Said to those who cannot see the plot, before the description.
    pub title: String,
    /// What runs along the axis.
    pub x_label: String,
    /// The rows.
    pub rows: Vec<DistributionRow>,
}

/// The items of one subject on one set.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DistributionRow {
    /// Whose they are.
    pub label: String,
    /// The subject's place among all, which gives its colour.
    pub subject: usize,
    /// The items' values; those that do not lie from 0 to 1 are left out.
    pub values: Vec<f64>,
}

impl DistributionRow {
    fn sorted(&self) -> Vec<f64> {
        let mut values: Vec<f64> = self.values.iter().copied().filter(|x| (0.0..=1.0).contains(x)).collect();
        values.sort_by(f64::total_cmp);
        values
    }

    /// The value below which a share of the items lies.
    pub fn quantile(&self, share: f64) -> Option<f64> {
        let values = self.sorted();
        let last = values.len().checked_sub(1)?;
        values.get((share * last as f64).round() as usize).copied()
    }
}

impl Distribution {
    /// The plot as an SVG element.
    pub fn render(&self) -> Html {
        let bottom = ROW * self.rows.len() as f64 + 8.0;
        let description = self.rows.iter().filter_map(words).collect::<Vec<_>>().join(" ");
        svg::drawing((WIDTH, bottom + FOOT), &self.title, &description, |h| {
            let x = Scale::new(0.0, 1.0, LEFT, WIDTH - RIGHT);
            for (value, text) in x.ticks(5) {
                svg::line(h, "grid", (x.at(value), 0.0), (x.at(value), bottom));
                svg::label(h, "tick", (x.at(value), bottom + 18.0), "middle", &text);
            }
            for (i, row) in self.rows.iter().enumerate() {
                draw_row(h, row, ROW * (i + 1) as f64, &x);
            }
            svg::label(h, "name", ((LEFT + WIDTH - RIGHT) / 2.0, bottom + 38.0), "middle", &self.x_label);
        })
    }
}

fn words(row: &DistributionRow) -> Option<String> {
    let [low, middle, high] = [0.25, 0.5, 0.75].map(|share| row.quantile(share).map(crate::number::short));
    Some(format!("{}: half of the answers lie from {} to {}, the middle one at {}.", row.label, low?, high?, middle?))
}

fn draw_row(h: &mut Html, row: &DistributionRow, base: f64, x: &Scale) {
    let values = row.sorted();
    let mut counts = [0usize; BINS];
    values.iter().for_each(|v| counts[((v * BINS as f64) as usize).min(BINS - 1)] += 1);
    let most = counts.iter().copied().max().unwrap_or(0).max(1);
    let class = format!("bar {}", svg::colour_class(row.subject));
    for (i, count) in counts.iter().enumerate().filter(|(_, c)| **c > 0) {
        // A single answer among thousands is still seen.
        let height = (BARS * *count as f64 / most as f64).max(2.0);
        let left = x.at(i as f64 / BINS as f64) + 0.5;
        let width = x.at(1.0 / BINS as f64) - x.at(0.0) - 1.0;
        let [px, py, w, tall] = [left, base - height, width, height].map(position);
        h.void("rect", &[("class", &class), ("x", &px), ("y", &py), ("width", &w), ("height", &tall)]);
    }
    svg::line(h, "axis", (LEFT, base), (WIDTH - RIGHT, base));
    svg::label(h, "row", (LEFT - 16.0, base - 18.0), "end", &row.label);
    let middle =
        row.quantile(0.5).map_or_else(|| "no values".into(), |m| format!("middle {}", crate::number::short(m)));
    svg::label(h, "tick", (LEFT - 16.0, base - 2.0), "end", &middle);
    if let Some(middle) = row.quantile(0.5) {
        let [px, py] = [x.at(middle), base + 1.0].map(position);
        svg::path(h, "middle", "", &format!("M{px} {py}l-5 7h10Z"));
    }
}
