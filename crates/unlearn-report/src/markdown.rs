//! The report as Markdown: verdict and tables, without the drawings.

use unlearn_core::verdict::Verdict;

use crate::attempts::{self, Attempt, Counted};
use crate::comparison::{Comparison, Role, SubjectColumn};
use crate::gap;
use crate::judged::Judged;
use crate::judgement::{Judgement, Outcome, control};
use crate::runs::{Plane, run_lines};
use crate::scores::{self, Part, ScoreRow};
use crate::summary::summary;
use crate::text::{better, cells, heading, is_number};
use crate::visible::one_line;
use crate::{number, scope, seeds};

/// The whole report.
pub fn render_markdown(comparison: &Comparison) -> String {
    let mut text = format!("# {}\n\n", escaped(&comparison.title));
    text += &format!("{}\n\n", with_code(&comparison.subtitle));
    text += &verdicts(comparison);
    for sentence in summary(comparison) {
        text += &format!("{}\n\n", with_code(&sentence));
    }
    text += &side_by_side(comparison);
    text += &over_seeds(comparison);
    for (title, part) in [("Scores", Part::Main), ("More scores", Part::Others)] {
        let rows = score_table(comparison, part);
        if !scores::groups(comparison, part).is_empty() {
            text += &format!("## {title}\n\n{rows}\n");
        }
    }
    text += &scopes(comparison);
    text += &attacks(comparison);
    text.trim_end().to_owned() + "\n"
}

/// What attacks brought back, run by run.
fn attacks(comparison: &Comparison) -> String {
    let mut text = String::new();
    for report in comparison.runs.iter().filter_map(|run| run.attacks.as_ref()) {
        text += "## What attacks brought back\n\n";
        text += &report.words.iter().map(|sentence| format!("- {}\n", with_code(sentence))).collect::<String>();
        for scope in attempts::scopes(report) {
            let heading =
                ["attack", "attempt", "said", "by guessing", "retrained", "preferred", "by guessing", "retrained"];
            let row = |attempt: Attempt<'_>| {
                let of = |counted: Option<Counted>| {
                    let counted = counted.map(|c| [c.back, c.guessed, c.retrained.unwrap_or_default()]);
                    counted.unwrap_or_else(|| std::array::from_fn(|_| number::MISSING.to_owned()))
                };
                let first = vec![attempt.attack.to_owned(), attempt.trial.to_owned()];
                [first, of(attempt.said).to_vec(), of(attempt.preferred).to_vec()].concat()
            };
            let rows = attempts::attempts(report, scope).into_iter().map(row);
            text += &format!("\n### {scope}\n\n{}\n", table(heading.map(str::to_owned).to_vec(), rows, |_| false));
        }
    }
    text
}

/// The scores as a Markdown table.
pub fn score_table_markdown(comparison: &Comparison) -> String {
    score_table(comparison, Part::All)
}

fn score_table(comparison: &Comparison, part: Part) -> String {
    let mut afters = comparison.with_role(Role::After);
    let only = afters.next().filter(|_| afters.next().is_none() && comparison.with_role(Role::Retrained).count() > 0);
    let mut first = heading(comparison);
    first.extend(only.map(|_| "gap to retrained".to_owned()));
    let row = |row: ScoreRow| {
        let mut all = cells(&row);
        all.extend(only.map(|subject| gap(comparison, subject, row.metric)));
        all
    };
    let rows = scores::groups(comparison, part).into_iter().flat_map(|g| g.rows).map(row);
    table(first, rows, is_number)
}

fn gap(comparison: &Comparison, subject: &SubjectColumn, metric: &str) -> String {
    let Some(gap) = gap::of_subject(comparison, subject, metric) else { return number::MISSING.into() };
    let note = gap::note_text(&gap).map(|s| format!(" ({s})")).unwrap_or_default();
    gap::difference_text(&gap) + &note
}

fn verdicts(comparison: &Comparison) -> String {
    let judged = Judged::of(comparison);
    let label = |verdict| Outcome::of(verdict).label();
    let mut text = String::new();
    for (subject, verdict) in judged.full {
        text += &in_full(&escaped(&subject.name), verdict);
    }
    for (subject, verdict) in judged.before {
        text += &format!("Beside it, {}: {}.\n\n", escaped(&subject.name), label(verdict));
    }
    for (subject, verdict) in judged.retrained {
        text += &format!("Control, {}: {}. {}\n\n", escaped(&subject.name), label(verdict), control(verdict));
    }
    if text.is_empty() { text } else { format!("## Verdict\n\n{text}") }
}

fn in_full(name: &str, verdict: &Verdict) -> String {
    let judgement = Judgement::of(verdict);
    let mut text = format!("**{name}: {}**\n\n", escaped(&judgement.headline));
    for topic in &judgement.topics {
        text += &format!("{}:\n\n", topic.title);
        topic.sentences.iter().for_each(|s| text += &format!("- {}\n", with_code(&s.text)));
        text.push('\n');
    }
    text
}

fn side_by_side(comparison: &Comparison) -> String {
    let plane = Plane::of(comparison);
    let lines = run_lines(comparison, plane.as_ref());
    if lines.is_empty() {
        return String::new();
    }
    let (forget, kept) = plane.as_ref().map_or(("forget", "kept"), |p| (p.forget, p.kept));
    let first = ["run", "method", "verdict", forget, kept, "Pareto front", "time"].map(str::to_owned).to_vec();
    let rows = lines.iter().map(|line| {
        let score = |of: Option<&unlearn_core::score::Score>| scores::value(of);
        let place = line.place.as_ref();
        let missing = || number::MISSING.to_owned();
        vec![
            one_line(&line.subject.name),
            line.run.and_then(|r| r.method.clone()).unwrap_or_else(missing),
            line.outcome.map_or_else(missing, |o| o.label().to_owned()),
            score(place.map(|p| p.forget)),
            score(place.map(|p| p.kept)),
            place.map_or_else(missing, |p| if p.is_front { "yes" } else { "no" }.to_owned()),
            line.run.map_or_else(missing, |r| number::seconds(r.record.cost.seconds)),
        ]
    });
    format!("## Runs side by side\n\n{}\n", table(first, rows, |c| matches!(c, 3 | 4 | 6)))
}

fn over_seeds(comparison: &Comparison) -> String {
    let mut text = String::new();
    for seeds in seeds::groups(comparison) {
        let first = ["metric", "better", "seeds", "mean", "deviation"].map(str::to_owned).to_vec();
        let rows = seeds.rows.iter().map(|row| {
            let mean = format!("{} ({})", number::score(row.spread.mean), number::interval(row.spread.interval));
            let better = better(row.direction).to_owned();
            vec![one_line(row.metric), better, row.n.to_string(), mean, number::score(row.spread.deviation)]
        });
        let names = escaped(&seeds.names().join(", "));
        text += &format!(
            "One recipe from {} seeds ({names}), with the 95 % t intervals of the means:\n\n",
            seeds.runs.len()
        );
        text += &format!("{}\n", table(first, rows, is_number));
    }
    if text.is_empty() { text } else { format!("## Over seeds\n\n{text}") }
}

fn scopes(comparison: &Comparison) -> String {
    let groups = scores::groups(comparison, Part::All);
    let known: Vec<_> = groups.iter().filter_map(|g| scope::find(g.set)).collect();
    let line = |s: &&scope::Scope| format!("- {}: {}. {}\n", s.title, s.aim, s.meaning);
    let lines: String = known.iter().map(line).collect();
    if lines.is_empty() { lines } else { format!("## What the sets mean\n\n{lines}") }
}

fn table(first: Vec<String>, rows: impl Iterator<Item = Vec<String>>, is_number: impl Fn(usize) -> bool) -> String {
    let rule = (0..first.len()).map(|c| if is_number(c) { "---:" } else { "---" }.to_owned()).collect();
    let escape = |row: Vec<String>| row.iter().map(|cell| escaped(cell)).collect::<Vec<_>>();
    let rows = [escape(first), rule].into_iter().chain(rows.map(escape));
    rows.map(|row| format!("| {} |\n", row.join(" | "))).collect()
}

/// Text in which backticks enclose code: what is outside is escaped.
fn with_code(text: &str) -> String {
    let pieces: Vec<&str> = text.split('`').collect();
    if pieces.len().is_multiple_of(2) {
        return escaped(text);
    }
    let piece = |(i, piece): (usize, &&str)| if i % 2 == 1 { format!("`{}`", one_line(piece)) } else { spaced(piece) };
    pieces.iter().enumerate().map(piece).collect()
}

/// Escaped, with a blank at either end kept.
fn spaced(text: &str) -> String {
    let blank = |is: bool| if is { " " } else { "" };
    let (start, end) = (text.starts_with(char::is_whitespace), text.ends_with(char::is_whitespace));
    let inner = escaped(text);
    if inner.is_empty() { blank(start).into() } else { format!("{}{inner}{}", blank(start), blank(end)) }
}

fn escaped(text: &str) -> String {
    let escape = |c: char| if "\\`*_{}[]<>|#&".contains(c) { format!("\\{c}") } else { c.to_string() };
    one_line(text).chars().map(escape).collect()
}
