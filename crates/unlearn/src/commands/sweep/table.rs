//! The table of a sweep, for the terminal and as Markdown.

use super::outcome::{Outcome, Status, Sweep};

/// Aligned columns.
pub fn text(sweep: &Sweep) -> String {
    let rows = rows(sweep);
    let width = |c: usize| rows.iter().map(|row| row[c].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..rows[0].len()).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, &w)| format!("{cell:<w$}")).collect();
        cells.join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// A Markdown table with a word on how the best was chosen.
pub fn markdown(sweep: &Sweep) -> String {
    let mut rows = rows(sweep);
    rows.insert(1, vec!["---".into(); rows[0].len()]);
    let line = |row: &Vec<String>| {
        let cells: Vec<String> = row.iter().map(|cell| cell.replace('|', "\\|")).collect();
        format!("| {} |\n", cells.join(" | "))
    };
    let table: String = rows.iter().map(line).collect();
    format!("{table}\n{}\n", verdict(sweep))
}

/// Which run is the best, in a sentence.
pub fn verdict(sweep: &Sweep) -> String {
    let least = 100.0 * (1.0 - sweep.retain_within);
    let rule = format!("the largest drop in forget probability with at least {least} % of the retain probability left");
    match &sweep.best {
        Some(name) => format!("best: {name} ({rule})"),
        None => format!("no run qualifies as the best ({rule})"),
    }
}

fn rows(sweep: &Sweep) -> Vec<Vec<String>> {
    let mut sets: Vec<&String> = sweep.runs.iter().flat_map(|run| run.probability.keys()).collect();
    let place = |set: &String| ["forget", "retain"].iter().position(|s| s == set).unwrap_or(2);
    sets.sort_by(|a, b| (place(a), a).cmp(&(place(b), b)));
    sets.dedup();
    let kept = sweep.runs.iter().any(|run| run.kept_step.is_some());
    let mut heading = sweep.fields.clone();
    heading.extend(sets.iter().map(|set| format!("{set}/probability")));
    heading.extend(kept.then(|| "kept step".to_owned()));
    heading.extend(["seconds".to_owned(), String::new()]);
    let row = |run: &Outcome| {
        let number = |x: Option<f64>| x.map_or_else(|| "-".to_owned(), |x| format!("{x:.4}"));
        let mut row = run.values.clone();
        row.extend(sets.iter().map(|set| match run.probability.get(*set) {
            Some(change) => format!("{} to {}", number(change.before), number(change.after)),
            None => "-".to_owned(),
        }));
        row.extend(kept.then(|| run.kept_step.map_or_else(|| "-".to_owned(), |step| step.to_string())));
        row.push(run.seconds.map_or_else(|| "-".to_owned(), |s| format!("{s:.1}")));
        row.push(match run.status {
            Status::Open => "open".into(),
            Status::Failed => "failed".into(),
            Status::Finished if sweep.best.as_ref() == Some(&run.name) => "best".into(),
            Status::Finished => String::new(),
        });
        row
    };
    std::iter::once(heading).chain(sweep.runs.iter().map(row)).collect()
}
