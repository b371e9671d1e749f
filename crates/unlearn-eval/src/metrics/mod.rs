//! The metrics: one file each, one line here.

pub mod probability;
pub mod rouge;

use unlearn_core::UnknownName;
use unlearn_core::registry::{self, Named};
use unlearn_core::score::Direction;

use crate::{Needs, Observations};

/// One metric.
pub struct Metric {
    /// Its name: file stem, and what stands after the set in `eval.json`.
    pub name: &'static str,
    /// Its page in the manual, as Markdown.
    pub page: &'static str,
    /// What it wants to have seen.
    pub needs: Needs,
    /// The value of every row; `None` where it cannot be taken.
    pub score: fn(&Observations) -> Vec<Option<f64>>,
}

impl Named for Metric {
    fn name(&self) -> &'static str {
        self.name
    }
}

/// Every metric, in the order in which they are listed.
pub static METRICS: &[Metric] = &[probability::METRIC, rouge::METRIC];

/// The metrics of these names; all when none is given.
///
/// # Errors
/// When there is none of a name.
pub fn by_name(names: &[String]) -> Result<Vec<&'static Metric>, UnknownName> {
    if names.is_empty() {
        return Ok(METRICS.iter().collect());
    }
    names.iter().map(|n| registry::find("metric", METRICS, n)).collect()
}

/// Which way a metric of how well an answer is known is better on a set.
#[must_use]
pub fn direction(set: &str) -> Direction {
    match set {
        "forget" => Direction::Lower,
        "holdout" => Direction::Neither,
        _ => Direction::Higher,
    }
}
