//! How the forget answers' probabilities are spread, item by item: a mean may hide the few that are still known.

use unlearn_core::score::Item;

use super::figure;
use crate::chart::{Distribution, DistributionRow};
use crate::comparison::{Comparison, Role};
use crate::html::Html;
use crate::number;

const KEY: &str = "probability";

/// Draws them for every subject, and beside them the answers that no model saw.
pub(super) fn items(h: &mut Html, comparison: &Comparison) {
    let rows: Vec<DistributionRow> = ["forget", "holdout"].iter().flat_map(|set| set_rows(comparison, set)).collect();
    if !rows.iter().any(|r| r.label.contains("forget")) {
        return;
    }
    let plot = Distribution {
        title: "How likely single answers are, subject by subject".into(),
        x_label: "probability of a single answer".into(),
        rows,
    };
    let words = "Answer by answer: each bar counts the answers with about that probability; the triangle marks the middle \
                 one. Forgotten answers should lie where those lie that no model saw (holdout), or where the retrained \
                 model has them: bars left over on the right are answers that are still known.";
    figure(h, plot.render(), words);
}

fn set_rows(comparison: &Comparison, set: &str) -> Vec<DistributionRow> {
    let metric = format!("{set}/{KEY}");
    let row = |(subject, column): (usize, &crate::SubjectColumn)| {
        // What the model before makes of unseen answers says nothing of forgetting.
        if set == "holdout" && column.role() == Role::Before {
            return None;
        }
        let score = column.eval.as_ref()?.metrics.get(&metric)?;
        let values: Vec<f64> = score.per_item.iter().filter_map(Item::value).collect();
        let label = format!("{}: {} {set}", column.name, number::count(values.len() as u64));
        (!values.is_empty()).then_some(DistributionRow { label, subject, values })
    };
    comparison.subjects.iter().enumerate().filter_map(row).collect()
}
