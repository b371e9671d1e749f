//! How the training went, run by run.

use unlearn_core::event::Step;

use super::{figure, looks};
use crate::chart::{LineChart, Series};
use crate::html::Html;
use crate::number;
use crate::view::RunView;

pub(super) const WIDE: (f64, f64) = (960.0, 320.0);
const HALF: (f64, f64) = (470.0, 230.0);

pub(super) fn curves(runs: &[RunView]) -> Option<Html> {
    let trained: Vec<&RunView> = runs.iter().filter(|r| !r.steps().is_empty()).collect();
    let mut h = Html::new();
    for run in &trained {
        if runs.len() > 1 {
            h.leaf("h3", &[], &run.name);
        }
        run_curves(&mut h, run);
    }
    (!trained.is_empty()).then_some(h)
}

fn run_curves(h: &mut Html, run: &RunView) {
    let steps = run.steps();
    figure(h, chart(run, "loss", WIDE, loss_series(&steps)).render(), &loss_caption(&steps));
    h.element("div", &[("class", "pair")], |h| {
        let rate = single(&steps, |s| s.learning_rate);
        figure(h, chart(run, "learning rate", HALF, rate).render(), "Learning rate: how far each step goes.");
        let norm = single(&steps, |s| s.grad_norm);
        figure(
            h,
            chart(run, "gradient norm", HALF, norm).render(),
            "Gradient norm, before clipping: how hard each step pulls.",
        );
    });
    looks::looks(h, run);
}

pub(super) fn chart(run: &RunView, what: &str, size: (f64, f64), series: Vec<Series>) -> LineChart {
    let course = |s: &Series| match (s.points.first(), s.points.last()) {
        (Some(first), Some(last)) => {
            let (from, to) = (number::score(first.1), number::score(last.1));
            format!("{}: {from} at step {}, {to} at step {}.", s.name, first.0, last.0)
        }
        _ => String::new(),
    };
    LineChart {
        title: format!("{}: {what} at every step", run.name),
        description: series.iter().map(course).collect::<Vec<_>>().join(" "),
        x_label: "step".into(),
        y_label: if series.len() == 1 { what } else { "value" }.into(),
        size,
        series,
        marks: Vec::new(),
        with_dots: false,
    }
}

fn loss_series(steps: &[&Step]) -> Vec<Series> {
    let mut names: Vec<&String> = steps.iter().flat_map(|s| s.terms.keys()).collect();
    names.sort_unstable();
    names.dedup();
    let terms = names.into_iter().map(|name| {
        let points = steps.iter().map(|s| (s.step as f64, s.terms.get(name).copied().unwrap_or(f64::NAN)));
        Series { name: format!("{name} term"), points: points.collect() }
    });
    let loss = Series { name: "loss".into(), points: points(steps, |s| s.loss) };
    let terms: Vec<Series> = terms.filter(|term| term.points != loss.points).collect();
    std::iter::once(loss).chain(terms).collect()
}

fn single(steps: &[&Step], value: impl Fn(&Step) -> f64) -> Vec<Series> {
    vec![Series { name: "value".into(), points: points(steps, value) }]
}

fn points(steps: &[&Step], value: impl Fn(&Step) -> f64) -> Vec<(f64, f64)> {
    steps.iter().map(|s| (s.step as f64, value(s))).collect()
}

fn loss_caption(steps: &[&Step]) -> String {
    let epochs = steps.last().map(|s| s.epoch).filter(|e| e.is_finite());
    let passes = epochs.map(|e| format!(", {} passes over the data", passes_text(e))).unwrap_or_default();
    let mut caption = format!(
        "What training minimised, and its terms before weighting: {} steps{passes}.",
        number::count(steps.len() as u64)
    );
    let gaps = steps.iter().filter(|s| !s.loss.is_finite()).count();
    if gaps > 0 {
        caption +=
            &format!(" At {} of them the loss was not finite: the line has a gap there.", number::count(gaps as u64));
    }
    caption
}

fn passes_text(epochs: f64) -> String {
    let text = number::fixed(epochs, 1);
    text.strip_suffix(".0").unwrap_or(&text).to_owned()
}
