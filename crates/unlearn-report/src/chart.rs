//! Charts as SVG: a line chart, and a plot of dots with intervals. They differ by dash and shape, not only by
//! colour; colours come from the page's style.

mod dots;
mod legend;
mod lines;

pub use dots::{Dot, DotGroup, DotPlot, DotRow};
pub use lines::{LineChart, MAX_POINTS, Series};
