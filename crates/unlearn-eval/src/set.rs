//! The sets that a subject is examined on.

use unlearn_data::Row;

/// A set under its name: `forget`, `retain`, `neighbour`, `holdout`, …
#[derive(Debug, Clone, Default)]
pub struct EvalSet {
    /// Its name.
    pub name: String,
    /// Its rows.
    pub rows: Vec<Row>,
    /// The metrics that are taken on it; all when empty.
    pub metrics: Vec<String>,
    /// Texts before the first of which an answer ends.
    pub stop: Vec<String>,
    /// The longest answer, where it is not the recipe's.
    pub max_new_tokens: Option<usize>,
}

impl EvalSet {
    /// A set on which all metrics are taken.
    #[must_use]
    pub fn new(name: impl Into<String>, rows: Vec<Row>) -> Self {
        Self { name: name.into(), rows, ..Self::default() }
    }

    /// Whether a metric is taken on it.
    #[must_use]
    pub fn wants(&self, metric: &str) -> bool {
        self.metrics.is_empty() || self.metrics.iter().any(|m| m == metric)
    }
}

/// At most `limit` rows, evenly spread over the set; all when 0.
#[must_use]
pub fn selected(rows: &[Row], limit: usize) -> Vec<Row> {
    let n = if limit == 0 { rows.len() } else { limit.min(rows.len()) };
    (0..n).map(|i| rows[i * rows.len() / n].clone()).collect()
}
