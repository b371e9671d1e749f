//! The table of the metrics, for the terminal and as Markdown.

use unlearn_eval::meta::{Apart, Knows};

use super::found::{Found, Judged};

const HEADINGS: [&str; 8] = ["metric", "knows", "knowing", "ignorant", "AUC", "relearned", "4 bits", "harmonic mean"];

/// Aligned columns.
pub fn text(found: &Found) -> String {
    let rows = rows(found);
    let width = |c: usize| rows.iter().map(|row| row[c].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..HEADINGS.len()).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, &w)| format!("{cell:<w$}")).collect();
        cells.join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// A Markdown table.
pub fn markdown(found: &Found) -> String {
    let mut rows = rows(found);
    rows.insert(1, vec!["---".into(); HEADINGS.len()]);
    let line = |(i, row): (usize, &Vec<String>)| {
        let mut row = row.clone();
        if i > 1 {
            row[0] = format!("`{}`", row[0]);
        }
        format!("| {} |\n", row.join(" | "))
    };
    rows.iter().enumerate().map(line).collect()
}

/// The best first.
fn rows(found: &Found) -> Vec<Vec<String>> {
    let mut judged: Vec<(&String, &Judged)> = found.metrics.iter().collect();
    let worth = |j: &Judged| (j.harmonic_mean.unwrap_or(-1.0), j.plain.auc);
    judged
        .sort_by(|(a, x), (b, y)| worth(y).partial_cmp(&worth(x)).unwrap_or(std::cmp::Ordering::Equal).then(a.cmp(b)));
    let row = |(name, judged): (&String, &Judged)| {
        let way = if judged.knows == Knows::Larger { "larger" } else { "smaller" };
        let mut row = vec![name.clone(), way.into(), mean(&judged.plain.knowing), mean(&judged.plain.ignorant)];
        row.push(area(Some(&judged.plain)));
        row.extend([&judged.relearned, &judged.quantised].map(|a| area(a.as_ref())));
        row.push(judged.harmonic_mean.map_or_else(|| "-".into(), |x| format!("{x:.2}")));
        row
    };
    let headings = HEADINGS.map(str::to_owned).to_vec();
    std::iter::once(headings).chain(judged.into_iter().map(row)).collect()
}

fn area(apart: Option<&Apart>) -> String {
    let Some(apart) = apart else { return "-".into() };
    match apart.interval {
        // Where no draw changes the area there is nothing to say.
        Some([low, high]) if low < high => format!("{:.2} ({low:.2} to {high:.2})", apart.auc),
        _ => format!("{:.2}", apart.auc),
    }
}

fn mean(values: &[f64]) -> String {
    let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
    if mean.abs() >= 100.0 { format!("{mean:.0}") } else { format!("{mean:.3}") }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::found::{Found, Relearning};
    use super::*;

    fn judged(knowing: &[f64], ignorant: &[f64]) -> Judged {
        let plain = Apart::of(Knows::Larger, knowing.to_vec(), ignorant.to_vec(), 0).expect("values");
        let (relearned, quantised) = (Some(plain.clone()), None);
        Judged { knows: Knows::Larger, plain, relearned, quantised, harmonic_mean: None }
    }

    #[test]
    fn the_best_metric_comes_first_and_what_is_missing_is_a_dash() {
        let metrics = BTreeMap::from([
            ("forget/a".to_owned(), judged(&[0.5, 0.25], &[0.5, 0.25])),
            ("forget/b".to_owned(), judged(&[0.5, 0.75], &[0.25, 0.125])),
        ]);
        let relearning = Relearning { rows: 8, steps: 20, learning_rate: 1e-3 };
        let found = Found {
            schema: Found::SCHEMA.into(),
            seed: 0,
            knowing: Vec::new(),
            ignorant: Vec::new(),
            relearning,
            quantisation: "q4_0".into(),
            metrics,
            not_taken: Vec::new(),
        };
        let table = markdown(&found);
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(lines.len(), 4, "{table}");
        assert_eq!(lines[2], "| `forget/b` | larger | 0.625 | 0.188 | 1.00 | 1.00 | - | - |");
        assert!(lines[3].starts_with("| `forget/a` | larger | 0.375 | 0.375 | 0.50 ("), "{table}");
        assert_eq!(text(&found).lines().count(), 3);
    }
}
