//! What attacks brought back as comma-separated values: one line a run, subject, scope, attempt and way of hearing.

use unlearn_core::attack::{AttackReport, Attacked, Cost, Recovered};

use crate::attempts::{ALL, attempts_on};
use crate::comparison::Comparison;
use crate::csv::{number, quoted};
use crate::view::RunView;

const HEADING: &str = "run,subject,scope,attack,attempt,heard,back,asked,guessed,p,low,high,p_retrained,steps,queries,\
                       forward_tokens,seconds\n";

/// Every attempt of every run as CSV (RFC 4180, with line feeds), unrounded, in the order of the page; what was not
/// counted is an empty field.
pub fn render_attacks_csv(comparison: &Comparison) -> String {
    let mut text = HEADING.to_owned();
    for run in &comparison.runs {
        if let Some(report) = &run.attacks {
            text += &report.recovered.iter().map(|found| lines(run, report, found)).collect::<String>();
        }
    }
    text
}

/// The subject's line, and below it the retrained model's, of which only what came back is counted.
fn lines(run: &RunView, report: &AttackReport, found: &Recovered) -> String {
    let [low, high] = found.beyond.map_or([None; 2], |ends| ends.map(Some));
    let chances = [Some(found.guessed), Some(found.p_value), low, high, found.p_retrained].map(number);
    let own = line(run, &report.attacked, found, [found.back, found.asked], chances);
    let beside = report.retrained.as_ref().zip(found.retrained);
    let theirs = beside.map(|(attacked, counted)| line(run, attacked, found, counted, Default::default()));
    own + &theirs.unwrap_or_default()
}

fn line(
    run: &RunView,
    attacked: &Attacked,
    found: &Recovered,
    [back, asked]: [usize; 2],
    chances: [String; 5],
) -> String {
    let heard = if found.said { "said" } else { "preferred" };
    let first = [
        quoted(&run.name),
        quoted(&attacked.subject.name),
        quoted(&found.scope),
        quoted(found.attack.as_deref().unwrap_or(ALL)),
        quoted(found.trial.as_deref().unwrap_or_default()),
        heard.to_owned(),
        back.to_string(),
        asked.to_string(),
    ];
    let cost = cost(attacked, found).map_or_else(Default::default, |cost| {
        [cost.steps.to_string(), cost.queries.to_string(), cost.forward_tokens.to_string(), number(Some(cost.seconds))]
    });
    first.into_iter().chain(chances).chain(cost).collect::<Vec<_>>().join(",") + "\n"
}

/// What the attempt took; nothing for all of them together.
fn cost(attacked: &Attacked, found: &Recovered) -> Option<Cost> {
    let (attack, label) = (found.attack.as_deref()?, found.trial.as_deref()?);
    attempts_on(attacked).find(|(name, trial)| *name == attack && trial.label == label).map(|(_, trial)| trial.cost)
}
