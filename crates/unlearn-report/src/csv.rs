//! Every score as comma-separated values, for spreadsheets and scripts: one line a run, subject and metric.

use std::collections::BTreeMap;

use unlearn_core::score::{Direction, Score};

use crate::comparison::{Comparison, SubjectColumn};
use crate::measure;
use crate::seeds;
use crate::visible::one_line;

const HEADING: &str = "run,subject,set,metric,value,low,high,n,direction\n";

/// The scores as CSV (RFC 4180, with line feeds), unrounded; a score that could not be taken has an empty field.
pub fn render_csv(comparison: &Comparison) -> String {
    let mut text = HEADING.to_owned();
    for subject in &comparison.subjects {
        let run = comparison.run_of(subject).map_or("", |r| r.name.as_str());
        for metric in comparison.metrics() {
            if let Some(score) = subject.eval.as_ref().and_then(|e| e.metrics.get(metric)) {
                text += &line(run, subject, metric, score);
            }
        }
    }
    text + &over_seeds(comparison)
}

/// Of several seeds of one recipe, a line for the mean with its interval, and one for the standard deviation.
fn over_seeds(comparison: &Comparison) -> String {
    let mut text = String::new();
    for seeds in seeds::groups(comparison) {
        let runs = seeds.names().join(" ");
        for row in &seeds.rows {
            let mut line = |subject: &str, value: f64, interval| {
                let score = Score { value: Some(value), interval, n: row.n, ..empty(row.direction) };
                let subject = SubjectColumn { name: subject.into(), ..SubjectColumn::default() };
                text += &self::line(&runs, &subject, row.metric, &score);
            };
            line("mean over seeds", row.spread.mean, Some(row.spread.interval));
            line("deviation over seeds", row.spread.deviation, None);
        }
    }
    text
}

fn empty(direction: Direction) -> Score {
    Score { value: None, interval: None, n: 0, direction, per_item: Vec::new(), gap: None, parts: BTreeMap::new() }
}

fn line(run: &str, subject: &SubjectColumn, metric: &str, score: &Score) -> String {
    let (set, key) = measure::split(metric);
    let [low, high] = score.interval.map_or([None; 2], |ends| ends.map(Some));
    let direction = match score.direction {
        Direction::Lower => "lower",
        Direction::Higher => "higher",
        Direction::Neither => "neither",
    };
    let fields = [
        quoted(run),
        quoted(&subject.name),
        quoted(set),
        quoted(key),
        number(score.value),
        number(low),
        number(high),
        score.n.to_string(),
        direction.to_owned(),
    ];
    fields.join(",") + "\n"
}

pub(crate) fn quoted(field: &str) -> String {
    let field = one_line(field);
    if field.contains([',', '"']) { format!("\"{}\"", field.replace('"', "\"\"")) } else { field }
}

/// Unrounded; nothing where there is no number.
pub(crate) fn number(x: Option<f64>) -> String {
    x.filter(|x| x.is_finite()).map(|x| x.to_string()).unwrap_or_default()
}
