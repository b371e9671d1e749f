//! What it takes to check the page: commands, cost, versions, digests and recipes.

use std::collections::{BTreeMap, BTreeSet};

use unlearn_core::event::Event;
use unlearn_core::run::RunRecord;

use super::{column, table};
use crate::html::Html;
use crate::number;
use crate::view::RunView;

pub(super) fn provenance(runs: &[RunView]) -> Option<Html> {
    if runs.is_empty() {
        return None;
    }
    let mut h = Html::new();
    for run in runs {
        h.leaf("h3", &[], if runs.len() > 1 { &run.name } else { "The command" });
        let command = run.record.argv.iter().map(|a| quoted(a)).collect::<Vec<_>>().join(" ");
        h.element("pre", &[("class", "command")], |h| h.leaf("code", &[], &command));
        if let Some(recipe) = &run.recipe {
            h.element("details", &[], |h| {
                h.leaf("summary", &[], "The recipe, with every default filled in");
                h.element("pre", &[], |h| h.leaf("code", &[], recipe));
            });
        }
    }
    facts_table(&mut h, "facts", "Cost and circumstances", runs, &facts(runs));
    let digests = digests(runs);
    if !digests.is_empty() {
        facts_table(&mut h, "facts digests", "Inputs and outputs, by SHA-256", runs, &digests);
    }
    Some(h)
}

type Fact = (String, Vec<String>);

fn facts(runs: &[RunView]) -> Vec<Fact> {
    let fact = |name: &str, of: &dyn Fn(&RunView) -> String| (name.to_owned(), runs.iter().map(of).collect());
    let mut facts = vec![
        fact("Time", &|r| number::seconds(r.record.cost.seconds)),
        fact("Tokens processed", &|r| number::count(r.record.cost.tokens)),
        fact("Speed", &|r| number::rate(r.record.cost.tokens, r.record.cost.seconds)),
        fact("Peak memory", &|r| r.record.cost.peak_memory.map_or_else(|| number::MISSING.into(), number::bytes)),
        fact("Arithmetic (estimate)", &|r| arithmetic(r.record.cost.flops)),
        fact("Device", &|r| r.record.device.clone()),
        fact("Threads", &|r| r.record.threads.to_string()),
        fact("Precision of products", &|r| format!("{:?}", r.record.precision).to_lowercase()),
        fact("Seed", &|r| r.record.seed.to_string()),
        fact("Finished", &finished),
    ];
    facts.extend(by_key(runs, |r| &r.versions, "Version of "));
    facts
}

fn arithmetic(flops: f64) -> String {
    match number::flops(flops) {
        amount if amount == number::MISSING => amount,
        amount => format!("{amount} ({} operations)", number::scientific(flops, 1)),
    }
}

fn finished(run: &RunView) -> String {
    let resumed = run.events.iter().filter(|e| matches!(e, Event::Resumed { .. })).count();
    let interruptions = match resumed {
        0 => String::new(),
        1 => ", after 1 interruption".into(),
        n => format!(", after {n} interruptions"),
    };
    format!("{}{interruptions}", if run.record.finished { "yes" } else { "no" })
}

fn digests(runs: &[RunView]) -> Vec<Fact> {
    let mut facts = by_key(runs, |r| &r.inputs, "Input: ");
    facts.extend(by_key(runs, |r| &r.outputs, "Output: "));
    facts
}

fn by_key(runs: &[RunView], map: impl Fn(&RunRecord) -> &BTreeMap<String, String>, prefix: &str) -> Vec<Fact> {
    let keys: BTreeSet<&String> = runs.iter().flat_map(|r| map(&r.record).keys()).collect();
    let value = |run: &RunView, key| map(&run.record).get(key).cloned().unwrap_or_else(|| number::MISSING.into());
    keys.into_iter().map(|key| (format!("{prefix}{key}"), runs.iter().map(|r| value(r, key)).collect())).collect()
}

fn facts_table(h: &mut Html, class: &str, caption: &str, runs: &[RunView], facts: &[Fact]) {
    table(h, class, caption, |h| {
        h.element("thead", &[], |h| {
            h.element("tr", &[], |h| {
                column(h, "", "Run");
                runs.iter().for_each(|run| column(h, "", &run.name));
            });
        });
        h.element("tbody", &[], |h| {
            for (name, values) in facts {
                h.element("tr", &[], |h| {
                    h.leaf("th", &[("scope", "row")], name);
                    values.iter().for_each(|value| h.leaf("td", &[], value));
                });
            }
        });
    });
}

/// An argument as a shell needs it.
fn quoted(argument: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "-_./=:,@%+".contains(c);
    if !argument.is_empty() && argument.chars().all(is_plain) {
        return argument.to_owned();
    }
    format!("'{}'", argument.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn arguments_are_quoted_where_a_shell_needs_it() {
        assert_eq!(quoted("--set=train.epochs=2"), "--set=train.epochs=2");
        assert_eq!(quoted("my model"), "'my model'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
    }
}
