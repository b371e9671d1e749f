//! What a subject's scores come to, beside a model that never saw the forget set or, where there is none, beside rows
//! that no model saw.
//!
//! Every charge has a test with a stated chance of a false one, and most a margin below which a difference does not
//! matter: models that are trained anew from another seed differ a little in everything.

mod damage;
mod leaks;
mod masks;
mod memory;

use unlearn_core::verdict::Verdict;
use unlearn_data::Row;

use crate::about::clustered;
use crate::{Beside, Observations};

/// Judges a subject by what was seen of it and of others beside it.
#[must_use]
pub fn judge(beside: &Beside<'_>, seed: u64) -> Verdict {
    let mut verdict = Verdict::default();
    memory::test(beside, seed, &mut verdict);
    masks::test(beside, &mut verdict);
    leaks::test(beside, seed, &mut verdict);
    damage::test(beside, seed, &mut verdict);
    verdict.basis.extend(basis(beside));
    verdict
}

fn basis(beside: &Beside<'_>) -> Vec<String> {
    let counted = beside.subject.sets.iter().map(|(name, seen)| {
        let entities = entities(&seen.rows);
        match entities < seen.rows.len() {
            true => format!("{} {name} rows about {entities} subjects", seen.rows.len()),
            false => format!("{} {name} rows", seen.rows.len()),
        }
    });
    let counts = counted.collect::<Vec<_>>().join(", ");
    let against = match (beside.retrained, beside.reference) {
        (Some(_), Some(_)) => "a model that never saw the forget set, and the model before",
        (Some(_), None) => "a model that never saw the forget set",
        (None, Some(_)) => "the model before; there is no model that never saw the forget set",
        (None, None) => "no other model",
    };
    vec![format!("{counts}."), format!("Compared with {against}.")]
}

fn entities(rows: &[Row]) -> usize {
    let mut all: Vec<&str> = rows.iter().filter_map(|r| r.entity.as_deref()).collect();
    all.sort_unstable();
    all.dedup();
    let alone = rows.iter().filter(|r| r.entity.is_none()).count();
    all.len() + alone
}

/// The least log-probability that counts: beyond it, an answer is as good as gone.
const FLOOR: f64 = -20.0;

/// The mean log-probability of each row's answer, at least [`FLOOR`].
fn levels(seen: &Observations) -> Vec<Option<f64>> {
    seen.of_answers(|_, tokens| tokens.mean().map(|m| m.max(FLOOR)))
}

/// The mean of the values that are there.
fn mean(values: &[Option<f64>]) -> Option<f64> {
    let known: Vec<f64> = values.iter().flatten().copied().collect();
    unlearn_stats::bootstrap::mean(&known)
}

/// `a - b`, row by row.
fn differences(a: &[Option<f64>], b: &[Option<f64>]) -> Vec<Option<f64>> {
    a.iter().zip(b).map(|(a, b)| Some((*a)? - (*b)?)).collect()
}

/// A share as a percentage.
fn percent(share: f64) -> String {
    format!("{:.0} %", 100.0 * share)
}

/// How many times as probable as something, in words.
fn times(log_ratio: f64) -> String {
    let ratio = log_ratio.abs().exp();
    match ratio {
        r if r >= 100.0 => "more than 100 times".to_owned(),
        r if r >= 10.0 => format!("{r:.0} times"),
        r => format!("{r:.1} times"),
    }
}

/// A p-value in words.
fn chance(p: f64) -> String {
    if p < 0.001 { "p < 0.001".to_owned() } else { format!("p = {p:.3}") }
}
