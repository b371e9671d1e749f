//! What was seen of the model while it trained, where the run was watched.

use unlearn_core::event::{Event, KeptBy, StopReason, Watch};

use super::curves::{WIDE, chart};
use super::figure;
use crate::chart::{LineChart, Mark, Series};
use crate::html::Html;
use crate::number;
use crate::view::RunView;

/// More points than these make a line by themselves.
const MOST_DOTS: usize = 60;

pub(super) fn looks(h: &mut Html, run: &RunView) {
    let watches = run.watches();
    if watches.is_empty() {
        return;
    }
    let forget = series("forget answers", &watches, |w| Some(w.forget));
    let retain = series("retain answers", &watches, |w| w.retain);
    let drawing = drawing(run, "probability", [forget, retain].into_iter().flatten().collect());
    figure(h, drawing.render(), &caption(run, watches.len()));
    if let Some(disruption) = series("disruption", &watches, |w| w.disruption) {
        let words = "Disruption: how far the model's answers to the retain questions drifted from the reference's, in \
                     nats per token. 0 is not at all.";
        figure(h, self::drawing(run, "disruption", vec![disruption]).render(), words);
    }
}

fn series(name: &str, watches: &[&Watch], value: impl Fn(&Watch) -> Option<f64>) -> Option<Series> {
    let is_there = watches.iter().any(|w| value(w).is_some());
    let point = |w: &&Watch| (w.step as f64, value(w).unwrap_or(f64::NAN));
    is_there.then(|| Series { name: name.into(), points: watches.iter().map(point).collect() })
}

fn drawing(run: &RunView, what: &str, series: Vec<Series>) -> LineChart {
    let marks = kept(run).map(|(step, _)| Mark { at: step as f64, label: format!("kept: step {step}") });
    LineChart {
        title: format!("{}: {what} at every look", run.name),
        y_label: what.into(),
        marks: marks.into_iter().collect(),
        with_dots: run.watches().len() <= MOST_DOTS,
        ..chart(run, what, WIDE, series)
    }
}

fn kept(run: &RunView) -> Option<(usize, KeptBy)> {
    run.events.iter().rev().find_map(|e| match e {
        Event::Kept { step, by } => Some((*step, *by)),
        _ => None,
    })
}

fn caption(run: &RunView, looks: usize) -> String {
    let looks = if looks == 1 { "once".into() } else { format!("{} times", number::count(looks as u64)) };
    let mut text = format!(
        "The model was looked at {looks} while it trained: how likely it found the answers to some of the questions. The \
         forget line should fall, the retain line should stay."
    );
    let stopped = run.events.iter().rev().find_map(|e| match e {
        Event::Stopped { step, reason } => Some((*step, *reason)),
        _ => None,
    });
    if let Some((step, reason)) = stopped {
        text += &format!(" Training ended early, after step {step}: {}.", reason_words(reason));
    }
    if let Some((step, by)) = kept(run) {
        text += &format!(" The model has the weights of step {step}: {}.", kept_words(by));
    }
    text
}

fn reason_words(reason: StopReason) -> &'static str {
    match reason {
        StopReason::Patience => "no look was better than the best so far for too long",
        StopReason::ForgetBelow => "the forget answers were unlikely enough",
        StopReason::Disruption => "the retain answers had drifted as far as was allowed",
    }
}

fn kept_words(by: KeptBy) -> &'static str {
    match by {
        KeptBy::Last => "the last",
        KeptBy::Best => "the best look",
        KeptBy::NoneQualified => "the last, as no look was good enough to be the best",
    }
}
