//! `unlearn methods`, `unlearn metrics`, `unlearn attacks`, `unlearn benchmarks`, `unlearn families`

use anyhow::Result;
use clap::{Args, Subcommand};
use serde_json::json;
use unlearn_core::registry;
use unlearn_engine::families::FAMILIES;
use unlearn_eval::attacks::{ATTACKS, SUITES, Suite};
use unlearn_eval::benchmarks::{self, BENCHMARKS};
use unlearn_eval::metrics::METRICS;
use unlearn_methods::METHODS;

use crate::context::Context;

#[derive(Debug, Args)]
pub struct List {
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Show the page of one
    Show {
        /// Its name
        name: String,
    },
}

/// `unlearn methods`
pub fn methods(list: &List, context: &Context) -> Result<()> {
    let Some(Action::Show { name }) = &list.action else {
        for method in METHODS {
            let (name, kind, summary) = (method.name, method.kind, first_sentence(method.page));
            match context.common.json {
                true => context.print(json!({"name": name, "kind": kind, "summary": summary}).to_string())?,
                false => context.print(format!("{name:16} {kind:9}  {summary}"))?,
            }
        }
        return Ok(());
    };
    let method = unlearn_methods::entry(name)?;
    let defaults = toml::to_string(&(method.defaults)())?;
    if context.common.json {
        let page = json!({"name": method.name, "kind": method.kind, "page": page(method.page), "defaults": (method.defaults)()});
        return context.print(page.to_string());
    }
    context.print(format!("{}\n\n[method]\nname = \"{}\"\n{}", page(method.page), method.name, defaults.trim_end()))
}

/// `unlearn metrics`
pub fn metrics(list: &List, context: &Context) -> Result<()> {
    match &list.action {
        None => lines(context, METRICS.iter().map(|m| (m.name, first_sentence(m.page)))),
        Some(Action::Show { name }) => {
            let metric = registry::find("metric", METRICS, name)?;
            if context.common.json {
                return context.print(json!({"name": metric.name, "page": metric.page}).to_string());
            }
            context.print(metric.page.trim_end())
        }
    }
}

/// `unlearn benchmarks`
pub fn benchmarks(list: &List, context: &Context) -> Result<()> {
    match &list.action {
        None => lines(context, BENCHMARKS.iter().map(|b| (b.name, first_sentence(b.page)))),
        Some(Action::Show { name }) => {
            let benchmark = benchmarks::by_name(name)?;
            if context.common.json {
                let page = json!({"name": benchmark.name, "version": benchmark.version, "page": benchmark.page});
                return context.print(page.to_string());
            }
            context.print(benchmark.page.trim_end())
        }
    }
}

/// `unlearn attacks`
pub fn attacks(list: &List, context: &Context) -> Result<()> {
    let Some(Action::Show { name }) = &list.action else {
        lines(context, ATTACKS.iter().map(|a| (a.name, first_sentence(a.page))))?;
        return lines(context, SUITES.iter().map(|s| (s.name, suite(s))));
    };
    if let Some(suite) = SUITES.iter().find(|suite| suite.name == name) {
        return context.print(self::suite(suite));
    }
    let attack = registry::find("attack", ATTACKS, name)?;
    let defaults = toml::to_string(&(attack.defaults)())?;
    if context.common.json {
        let page = json!({"name": attack.name, "asks": attack.asks, "page": page(attack.page), "defaults": (attack.defaults)()});
        return context.print(page.to_string());
    }
    context.print(format!("{}\n\n[attack.{}]\n{}", page(attack.page), attack.name, defaults.trim_end()))
}

fn suite(suite: &Suite) -> String {
    let names: Vec<&str> = suite.attacks.iter().map(|(name, _)| *name).collect();
    format!("A suite, {}: {}.", suite.about, names.join(", "))
}

/// `unlearn families`
pub fn families(list: &List, context: &Context) -> Result<()> {
    match &list.action {
        None => lines(context, FAMILIES.iter().map(|f| (f.name, f.summary.to_owned()))),
        Some(Action::Show { name }) => {
            let family = registry::find("family", FAMILIES, name)?;
            if context.common.json {
                return context.print(json!({"name": family.name, "summary": family.summary}).to_string());
            }
            context.print(family.summary)
        }
    }
}

fn lines(context: &Context, entries: impl Iterator<Item = (&'static str, String)>) -> Result<()> {
    for (name, summary) in entries {
        if context.common.json {
            context.print(json!({"name": name, "summary": summary}).to_string())?;
        } else {
            context.print(format!("{name:16} {summary}"))?;
        }
    }
    Ok(())
}

/// A page as it is read: doc comments begin every line with a space.
fn page(text: &str) -> String {
    text.lines().map(|l| l.strip_prefix(' ').unwrap_or(l)).collect::<Vec<_>>().join("\n").trim_end().to_owned()
}

/// The first paragraph under *Idea*.
fn first_sentence(text: &str) -> String {
    let page = page(text);
    let idea = page.split_once("# Idea\n").map_or(page.as_str(), |(_, rest)| rest);
    let paragraph = idea.trim_start().split("\n\n").next().unwrap_or_default();
    paragraph.split_whitespace().collect::<Vec<_>>().join(" ")
}
