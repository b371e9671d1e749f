//! What attacks brought back: in words, as a curve, attempt by attempt, and answer by answer.

use std::collections::BTreeMap;

use unlearn_core::attack::{AttackReport, Attacked, Trial};

use super::curves::WIDE;
use super::{column, figure, table};
use crate::attempts::{Attempt, Counted, attempts, scopes};
use crate::chart::{LineChart, Series};
use crate::html::Html;
use crate::view::RunView;

/// Facts that are shown with what was said of them.
const SHOWN: usize = 12;

pub(super) fn attacks(runs: &[RunView]) -> Option<Html> {
    let mut h = Html::new();
    let attacked = runs.iter().filter_map(|run| Some((run, run.attacks.as_ref()?)));
    let mut any = false;
    for (run, report) in attacked {
        any = true;
        if runs.len() > 1 {
            h.leaf("h3", &[], &run.name);
        }
        one(&mut h, report);
    }
    any.then_some(h)
}

fn one(h: &mut Html, report: &AttackReport) {
    h.element("ul", &[], |h| {
        report.words.iter().for_each(|sentence| h.element("li", &[], |h| h.text_with_code(sentence)));
    });
    relearning(h, report);
    for scope in scopes(report) {
        write(h, report, scope);
    }
    came_back(h, report);
}

fn write(h: &mut Html, report: &AttackReport, scope: &str) {
    let caption = format!("{scope}: facts that came back, attempt by attempt, beside what guessing brings");
    let beside = report.retrained.is_some();
    table(h, "scores", &caption, |h| {
        h.element("thead", &[], |h| {
            h.element("tr", &[], |h| {
                ["Attack", "Attempt"].into_iter().for_each(|text| column(h, "", text));
                column(h, "number", "Said");
                if beside {
                    column(h, "number", "Retrained");
                }
                column(h, "number", "Preferred");
                if beside {
                    column(h, "number", "Retrained");
                }
            });
        });
        h.element("tbody", &[], |h| attempts(report, scope).iter().for_each(|attempt| row(h, attempt, beside)));
    });
}

fn row(h: &mut Html, attempt: &Attempt<'_>, beside: bool) {
    h.element("tr", &[], |h| {
        h.leaf("th", &[("scope", "row")], attempt.attack);
        h.leaf("td", &[], attempt.trial);
        for counted in [&attempt.said, &attempt.preferred] {
            cell(h, counted.as_ref());
            if beside {
                let text = counted.as_ref().and_then(|c| c.retrained.clone()).unwrap_or_else(|| "–".into());
                h.leaf("td", &[("class", "number")], &text);
            }
        }
    });
}

fn cell(h: &mut Html, counted: Option<&Counted>) {
    h.element("td", &[("class", "number")], |h| match counted {
        Some(counted) => {
            h.leaf("span", &[("class", "value")], &counted.back);
            h.text(" ");
            h.leaf("span", &[("class", "interval")], &counted.guessed);
        }
        None => h.text("–"),
    });
}

/// How fast the subject learns again, beside how fast the retrained model learns.
fn relearning(h: &mut Html, report: &AttackReport) {
    let of = |attacked: &Attacked, who: &str| -> Vec<Series> {
        let mut all: BTreeMap<String, Vec<(f64, f64)>> = BTreeMap::new();
        for outcome in attacked.attacks.iter().filter(|outcome| outcome.attack == "relearn") {
            for trial in &outcome.trials {
                let (Some(steps), Some(rate)) = (trial.numbers.get("steps"), trial.numbers.get("learning-rate")) else {
                    continue;
                };
                let adapter =
                    trial.numbers.get("rank").map_or_else(String::new, |rank| format!(", LoRA of rank {rank}"));
                if let Some(share) = preferred(trial) {
                    all.entry(format!("{who}{adapter}, rate {rate:e}")).or_default().push((*steps, share));
                }
            }
        }
        all.into_iter().map(|(name, points)| Series { name, points: start(attacked, points) }).collect()
    };
    let mut series = of(&report.attacked, "subject");
    series.extend(report.retrained.iter().flat_map(|retrained| of(retrained, "retrained")));
    if series.iter().all(|s| s.points.len() < 2) {
        return;
    }
    let ends = |s: &Series| {
        let last = s.points.last().map_or(0.0, |p| p.1);
        format!("{}: {:.0} % at the end.", s.name, 100.0 * last)
    };
    let chart = LineChart {
        title: "Relearning: true answers that are preferred to wrong ones".into(),
        description: series.iter().map(ends).collect::<Vec<_>>().join(" "),
        x_label: "steps of training on other facts".into(),
        y_label: "share of facts".into(),
        size: WIDE,
        series,
        marks: Vec::new(),
        with_dots: true,
    };
    figure(
        h,
        chart.render(),
        "Relearning: of the forget facts that were not shown, how many true answers are preferred to wrong ones after \
         some steps on the others. A model that has forgotten learns no faster than one that never knew.",
    );
}

/// Of the forget facts that were asked, the share whose true answer is preferred.
fn preferred(trial: &Trial) -> Option<f64> {
    let chosen: Vec<bool> = trial.scopes.get("forget")?.chosen.iter().flatten().map(|heard| heard.truth).collect();
    let n = chosen.len() as f64;
    (!chosen.is_empty()).then(|| chosen.iter().filter(|truth| **truth).count() as f64 / n)
}

fn start(attacked: &Attacked, mut points: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    points.extend(preferred(&attacked.plain).map(|share| (0.0, share)));
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    points
}

/// Facts that no plain question brought, with what an attack made the subject say.
fn came_back(h: &mut Html, report: &AttackReport) {
    let Some(facts) = report.facts.get("forget") else { return };
    let plain = report.attacked.plain.scopes.get("forget");
    let said_plainly = |i: usize| plain.and_then(|c| c.said.get(i)?.as_ref()).is_some_and(|heard| heard.truth);
    let found = |i: usize| {
        report.attacked.attacks.iter().find_map(|outcome| {
            outcome.trials.iter().find_map(|trial| {
                let caught = trial.scopes.get("forget")?;
                let truth = caught.said.get(i)?.as_ref()?.truth;
                let words = caught.words.get(i)?.as_ref()?;
                truth.then_some((outcome.attack.as_str(), trial.label.as_str(), words))
            })
        })
    };
    let rows = facts.iter().enumerate().filter(|(i, _)| !said_plainly(*i)).filter_map(|(i, f)| Some((f, found(i)?)));
    let rows: Vec<_> = rows.take(SHOWN).collect();
    if rows.is_empty() {
        return;
    }
    table(h, "answers", "Forget facts that no plain question brought, and what an attack did", |h| {
        h.element("thead", &[], |h| {
            h.element("tr", &[], |h| {
                ["Question", "Answer", "Under", "Said"].into_iter().for_each(|text| column(h, "", text));
            });
        });
        h.element("tbody", &[], |h| {
            for (fact, (attack, trial, words)) in &rows {
                h.element("tr", &[], |h| {
                    h.leaf("th", &[("scope", "row")], &fact.question);
                    h.leaf("td", &[], &fact.answer);
                    h.leaf("td", &[], &format!("{attack}, {trial}"));
                    h.leaf("td", &[], words);
                });
            }
        });
    });
}
