//! Charts as SVG: lines, dots with intervals, places on a plane, distributions. They differ by dash and shape, not only
//! by colour; colours come from the page's style.

mod distribution;
mod dots;
mod legend;
mod lines;
mod plane;

pub use distribution::{Distribution, DistributionRow};
pub use dots::{Dot, DotGroup, DotPlot, DotRow};
pub use lines::{LineChart, MAX_POINTS, Mark, Series};
pub use plane::{PlanePlot, Point};
