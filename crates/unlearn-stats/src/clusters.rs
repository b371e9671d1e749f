//! Values that belong together: the questions about one person, the tokens of one text.

use std::collections::HashMap;
use std::hash::Hash;

/// `values` by the cluster that each belongs to, clusters in the order in which they first appear.
///
/// `None` where there is not one cluster for every value.
///
/// # Examples
/// ```
/// use unlearn_stats::clusters::by_cluster;
/// assert_eq!(by_cluster(&[1.0, 2.0, 3.0], &["b", "a", "b"]), Some(vec![vec![1.0, 3.0], vec![2.0]]));
/// ```
pub fn by_cluster<C: Eq + Hash>(values: &[f64], clusters: &[C]) -> Option<Vec<Vec<f64>>> {
    if values.len() != clusters.len() {
        return None;
    }
    let mut places = HashMap::new();
    let mut grouped: Vec<Vec<f64>> = Vec::new();
    for (value, cluster) in values.iter().zip(clusters) {
        let place = *places.entry(cluster).or_insert(grouped.len());
        if place == grouped.len() {
            grouped.push(Vec::new());
        }
        grouped[place].push(*value);
    }
    Some(grouped)
}

/// `values`, each a cluster of its own.
///
/// # Examples
/// ```
/// assert_eq!(unlearn_stats::clusters::alone(&[1.0, 2.0]), [[1.0], [2.0]]);
/// ```
pub fn alone(values: &[f64]) -> Vec<Vec<f64>> {
    values.iter().map(|value| vec![*value]).collect()
}
