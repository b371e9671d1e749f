//! Made-up verdicts, the scores that go with them, and runs that were watched.

use std::collections::BTreeMap;

use unlearn_core::event::{Event, KeptBy, StopReason, Watch};
use unlearn_core::score::{Direction, EvalReport, Item, Score};
use unlearn_core::verdict::{Charge, Finding, Verdict};
use unlearn_report::RunView;

/// A finding as the evaluation writes it.
pub fn finding(charge: Charge, set: &str, found: Option<bool>, words: &str, numbers: &[(&str, f64)]) -> Finding {
    let numbers = numbers.iter().map(|(name, x)| ((*name).to_owned(), *x)).collect();
    Finding { charge, set: set.into(), found, words: words.into(), numbers }
}

/// A verdict of so many charges found true.
pub fn verdict(guilty: &[Charge]) -> Verdict {
    let is = |charge| guilty.contains(&charge);
    let (p, difference) = if is(Charge::Remembers) { (0.00002, 2.3) } else { (0.34, 0.05) };
    let memory = match () {
        () if is(Charge::Remembers) => {
            "Not forgotten: an answer's tokens are 10 times as probable as those to questions that no model saw (p = 0.00)."
        }
        () if is(Charge::Shuns) => {
            "Overdone: the forget answers are avoided; their tokens are 8.1 times less probable than those to questions \
             that no model saw (p = 0.00)."
        }
        () => {
            "Forgotten, as far as answers to the forget questions show: they are neither better known nor avoided beside \
             those to questions that no model saw (p = 0.34 and 0.71)."
        }
    };
    let leak = match is(Charge::Leaks) {
        true => {
            "Still leaks: asked as in `one-hop`, the answers have a probability of 41 %, to a retrained model of 9 %."
        }
        false => "No leak was found in `one-hop`: 11 % against 9 % for a retrained model.",
    };
    let damage = match is(Charge::Damaged) {
        true if is(Charge::Collapsed) => "",
        true => "Damaged: `retain` answers are less probable: 71 % against 94 % for a retrained model.",
        false => "Kept: `retain` answers are as probable as they should be: 92 % against 94 % for a retrained model.",
    };
    let collapse =
        if is(Charge::Collapsed) { "Collapsed: of `retain`, hardly anything is left: 2 % against 94 %." } else { "" };
    let declines = if is(Charge::Refuses) { "Declines: 35 % of the answers to `retain` are refusals." } else { "" };
    let (low, high) = if is(Charge::Damaged) { (-0.27, -0.19) } else { (-0.031, 0.004) };
    let leaked = if is(Charge::Leaks) { (0.21, 0.43) } else { (-0.02, 0.06) };
    let p_numbers = |p| [("p-value", p), ("difference", difference)];
    let masked = "Masked, not forgotten: a guard stands before the model.";
    let masks = is(Charge::Masks).then(|| finding(Charge::Masks, "forget", Some(true), masked, &[]));
    Verdict {
        findings: [
            masks.into_iter().collect(),
            vec![
                finding(
                    Charge::Remembers,
                    "forget",
                    Some(is(Charge::Remembers)),
                    if is(Charge::Shuns) { "" } else { memory },
                    &p_numbers(p),
                ),
                finding(
                    Charge::Shuns,
                    "forget",
                    Some(is(Charge::Shuns)),
                    if is(Charge::Shuns) { memory } else { "" },
                    &p_numbers(if is(Charge::Shuns) { 0.0004 } else { 0.71 }),
                ),
                finding(
                    Charge::Leaks,
                    "one-hop",
                    Some(is(Charge::Leaks)),
                    leak,
                    &[("at-least", leaked.0), ("at-most", leaked.1)],
                ),
                finding(Charge::Refuses, "retain", Some(is(Charge::Refuses)), declines, &[("refusals", 0.01)]),
                finding(
                    Charge::Damaged,
                    "retain",
                    Some(is(Charge::Damaged)),
                    damage,
                    &[("at-least", low), ("at-most", high)],
                ),
                finding(
                    Charge::Collapsed,
                    "retain",
                    Some(is(Charge::Collapsed)),
                    collapse,
                    &[("at-least", low), ("at-most", high)],
                ),
            ],
        ]
        .concat(),
        basis: vec![
            "40 forget rows about 8 subjects, 200 retain rows, 40 holdout rows about 8 subjects.".into(),
            "Compared with a model that never saw the forget set.".into(),
        ],
    }
}

/// A verdict of a subject that could be compared with nothing.
pub fn untested() -> Verdict {
    let words = "Whether the forget set is still known could not be tested: there are neither rows that no model saw \
                 (`--holdout`) nor a retrained model (`--retrained`).";
    let findings = vec![finding(Charge::Remembers, "forget", None, words, &[])];
    Verdict { findings, basis: vec!["Compared with no other model.".into()] }
}

/// Scores with a verdict, with values item by item, and with more scopes and metrics.
pub fn judged(subject: &str, forget: f64, rest: f64, guilty: &[Charge]) -> EvalReport {
    let mut report = super::eval(subject, forget, rest);
    report.verdict = Some(verdict(guilty));
    let mut add = |metric: &str, value: f64, direction, per_item: Vec<Item>| {
        let interval = Some([value * 0.9, (value * 1.1).min(value.max(1.0))]);
        let (n, parts) = (per_item.len().max(40), BTreeMap::new());
        report
            .metrics
            .insert(metric.into(), Score { value: Some(value), interval, n, direction, per_item, gap: None, parts });
    };
    add("forget/probability", forget, Direction::Lower, spread(forget, 52));
    add("holdout/probability", 0.09, Direction::Neither, spread(0.09, 52));
    add("forget/extraction-strength", forget * 0.6 + 0.04, Direction::Lower, vec![]);
    add("forget/refusal", 0.1, Direction::Neither, vec![]);
    add("forget/exact-memorization", forget * 0.7 + 0.2, Direction::Lower, vec![]);
    add("one-hop/probability", forget * 0.5 + 0.05, Direction::Lower, vec![]);
    add("inverse/probability", forget * 0.4 + 0.06, Direction::Lower, vec![]);
    add("paraphrased/probability", forget * 0.9 + 0.02, Direction::Lower, vec![]);
    add("world-facts/choice", rest - 0.1, Direction::Higher, vec![]);
    add("text/perplexity", 18.0 / rest, Direction::Lower, vec![]);
    add("mia/zlib", 0.5 + forget * 0.4, Direction::Neither, vec![]);
    report
}

/// So many values from 0 to 1 whose mean is about `mean`, one missing.
fn spread(mean: f64, n: usize) -> Vec<Item> {
    let value = |i: usize| {
        let wave = (i as f64 * 2.399).sin() * 0.5 + 0.5;
        let few = if i % 17 == 3 { 0.5 } else { 0.0 };
        (mean + (wave - 0.5) * mean.min(1.0 - mean) * 1.8 + few * (1.0 - mean)).clamp(0.0, 1.0)
    };
    (0..n).map(|i| if i == 5 { Item::Missing } else { Item::Value(value(i)) }).collect()
}

/// A run that was watched, and judged beside a retrained model.
pub fn judged_run(name: &str, forget: f64, rest: f64, guilty: &[Charge]) -> RunView {
    let mut run = super::made_up_run(name, 120);
    run.method = Some(name.into());
    run.eval = Some(EvalReport { subject: subject(name), ..judged("unlearned", forget, rest, guilty) });
    run.eval_before = Some(judged("target", 0.93, 0.94, &[Charge::Remembers]));
    run.eval_retrained = Some(judged("retrained", 0.08, 0.94, &[]));
    run.record.cost.seconds *= 1.0 + forget;
    let look = |i: usize| {
        let t = i as f64 / 10.0;
        let fallen = forget + (0.93 - forget) * (-5.0 * t).exp();
        Event::Watch(Watch {
            step: 12 * i,
            forget: fallen,
            retain: Some(0.94 - (0.94 - rest) * t),
            disruption: Some(0.2 * t * t),
        })
    };
    run.events.extend((0..=10).map(look));
    run.events.push(Event::Stopped { step: 120, reason: StopReason::Patience });
    run.events.push(Event::Kept { step: 84, by: KeptBy::Best });
    run
}

fn subject(name: &str) -> unlearn_core::score::Subject {
    unlearn_core::score::Subject { name: "unlearned".into(), path: name.into(), digest: format!("digest of {name}") }
}
