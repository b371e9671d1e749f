//! What was done and what came of it, in plain sentences.

use crate::comparison::{Comparison, Role, SubjectColumn};
use crate::number::short;

/// The measures that a sentence can be made of, best first, with the words for them.
const HEADLINES: &[(&str, &str, &str)] = &[
    ("probability", "the probability of the ", " answers"),
    ("rouge", "the overlap of the answers with those expected on the ", " set"),
    ("exact-memorization", "the share of tokens recalled exactly on the ", " set"),
];

/// The sets that a summary speaks of, in this order.
pub const SETS: &[&str] = &["forget", "retain", "neighbour", "holdout"];

/// One value as it was, as it is, and as the retrained model has it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Change<'a> {
    /// The set.
    pub set: &'a str,
    /// Before, if it was taken.
    pub before: Option<f64>,
    /// After.
    pub after: f64,
    /// The retrained model's, if it was taken.
    pub retrained: Option<f64>,
}

/// One sentence for each subject that was changed, with names in backticks.
pub fn summary(comparison: &Comparison) -> Vec<String> {
    let afters: Vec<_> = comparison.with_role(Role::After).collect();
    let sentences = afters.iter().filter_map(|after| sentence(comparison, after, afters.len()));
    let sentences: Vec<String> = sentences.collect();
    let attacked = || comparison.runs.iter().filter_map(|run| run.attacks.as_ref()?.words.last().cloned());
    match sentences.is_empty() {
        false => sentences,
        true if attacked().next().is_some() => attacked().collect(),
        true => vec!["No score was taken that a sentence could sum up.".into()],
    }
}

/// The measure that speaks for a subject, and its values set by set.
pub fn headline<'a>(comparison: &Comparison, after: &SubjectColumn) -> Option<(&'static str, Vec<Change<'a>>)> {
    HEADLINES.iter().find_map(|(measure, ..)| {
        let changes: Vec<_> = SETS.iter().filter_map(|set| change(comparison, after, set, measure)).collect();
        (!changes.is_empty()).then_some((*measure, changes))
    })
}

fn change<'a>(comparison: &Comparison, after: &SubjectColumn, set: &'a str, measure: &str) -> Option<Change<'a>> {
    let metric = format!("{set}/{measure}");
    let of = |subject: &SubjectColumn| subject.eval.as_ref()?.value(&metric);
    let only = |role| {
        let mut all = comparison.with_role(role);
        all.next().filter(|_| all.next().is_none()).and_then(of)
    };
    Some(Change { set, before: only(Role::Before), after: of(after)?, retrained: only(Role::Retrained) })
}

fn sentence(comparison: &Comparison, after: &SubjectColumn, afters: usize) -> Option<String> {
    let (measure, changes) = headline(comparison, after)?;
    let (_, start, end) = HEADLINES.iter().find(|(name, ..)| *name == measure)?;
    let mut text = lead(comparison, after, afters);
    for (i, change) in changes.iter().take(2).enumerate() {
        text += &match i {
            0 => format!("{start}{}{end} ", change.set),
            _ => format!("; on the {} set it ", change.set),
        };
        text += &course(change, i == 0);
        if let Some(retrained) = change.retrained {
            text += &format!(" (retrained: {})", short(retrained));
        }
    }
    Some(text + ".")
}

fn lead(comparison: &Comparison, after: &SubjectColumn, afters: usize) -> String {
    let run = match &comparison.runs[..] {
        [run] if afters == 1 => Some(run),
        _ => None,
    };
    let name = |name: &str| format!("`{}`", name.replace('`', "'"));
    match run {
        Some(run) if run.method.is_some() => format!("After {}, ", name(run.method.as_deref().unwrap_or_default())),
        Some(run) if run.record.command == "train" => "After training, ".into(),
        _ => format!("With {}, ", name(&after.name)),
    }
}

fn course(change: &Change, with_direction: bool) -> String {
    let after = short(change.after);
    let Some(before) = change.before else { return format!("is {after}") };
    let verb = match () {
        () if short(before) == after => return format!("stayed at {after}"),
        () if !with_direction => "went",
        () if change.after < before => "fell",
        () => "rose",
    };
    format!("{verb} from {} to {after}", short(before))
}
