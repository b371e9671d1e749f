//! What rows are about. Rows about the same are not independent of each other, so that they are drawn together.

use unlearn_core::score::Item;
use unlearn_data::Row;
use unlearn_stats::bootstrap::cluster_mean_interval;
use unlearn_stats::clusters::by_cluster;

/// The values that are there, by what their rows are about; a row about nothing in particular stands alone.
pub(crate) fn clustered(rows: &[Row], values: &[Option<f64>]) -> Vec<Vec<f64>> {
    let (mut known, mut about) = (Vec::new(), Vec::new());
    for (i, (row, value)) in rows.iter().zip(values).enumerate() {
        if let Some(value) = value {
            known.push(*value);
            about.push(row.entity.as_ref().ok_or(i));
        }
    }
    by_cluster(&known, &about).unwrap_or_default()
}

/// The 95 % bootstrap interval of the mean of the values that are there. `None` where they are about fewer than two
/// things.
pub(crate) fn interval(rows: &[Row], values: &[Option<f64>], seed: u64) -> Option<[f64; 2]> {
    cluster_mean_interval(&clustered(rows, values), seed)
}

/// [`interval`] of items.
pub(crate) fn interval_of_items(rows: &[Row], items: &[Item], seed: u64) -> Option<[f64; 2]> {
    let values: Vec<Option<f64>> = items.iter().map(Item::value).collect();
    interval(rows, &values, seed)
}
