//! How sure a verdict is: what was compared with what, and the chance of being wrong.

use unlearn_core::verdict::{Charge, Finding, Verdict};

use super::{News, Sentence};
use crate::number::fixed;
use crate::p_value::{chance, p_value};

/// What comes about by chance at most this often is hardly chance.
const RARE: f64 = 0.01;

/// What comes about by chance this often is no sign of anything.
const LIKELY: f64 = 0.1;

pub(super) fn sureness(verdict: &Verdict) -> Vec<Sentence> {
    let basis = verdict.basis.iter().map(|words| words.trim().to_owned()).filter(|words| !words.is_empty());
    let findings = verdict.findings.iter().filter_map(sure);
    let mut sentences: Vec<Sentence> = basis.chain(findings).map(|text| Sentence::new(News::Plain, text)).collect();
    if verdict.findings.iter().any(|f| f.found.is_some()) {
        let limits = "A charge is only made where it is hardly chance and the difference is large enough to matter. A \
                      test that finds nothing does not prove that there is nothing: other questions and attacks may \
                      find more.";
        sentences.push(Sentence::new(News::Plain, limits));
    }
    sentences
}

/// How sure a finding is, from its numbers.
fn sure(finding: &Finding) -> Option<String> {
    finding.found?;
    let number = |name: &str| finding.numbers.get(name).copied().filter(|x| x.is_finite());
    if let Some(p) = number("p-value") {
        // Of tests that found nothing, the one that the verdict is about is enough.
        if finding.found == Some(false) && finding.charge != Charge::Remembers && p > LIKELY {
            return None;
        }
        let supposed = match finding.charge {
            Charge::Remembers => "known",
            Charge::Marked => "likelier than others",
            Charge::Shuns => "avoided",
            _ => return None,
        };
        let small = match finding.found == Some(false) && p <= RARE {
            true => " It is hardly chance, but the difference is too small to matter.",
            false => "",
        };
        return Some(format!(
            "If the `{}` answers were not {supposed}, so strong a sign that they are would come about by chance {} \
             ({}).{small}",
            finding.set,
            chance(p),
            p_value(p)
        ));
    }
    let (low, high) = (number("at-least")?, number("at-most")?);
    match finding.charge {
        Charge::Remembers => Some(format!(
            "An answer's tokens are {} to {} times as probable as to the retrained model, by all likelihood.",
            fixed(low.exp(), 2),
            fixed(high.exp(), 2)
        )),
        Charge::Leaks | Charge::Damaged => Some(format!(
            "`{}`: the difference in probability lies between {} and {} percentage points (with 99 % confidence).",
            finding.set,
            points(low),
            points(high)
        )),
        // They come from the same numbers.
        Charge::Masks | Charge::Marked | Charge::Shuns | Charge::Collapsed | Charge::Refuses => None,
    }
}

/// A difference of shares in percentage points, with its sign.
fn points(x: f64) -> String {
    let text = fixed(100.0 * x, 1);
    if x > 0.0 && text != "0.0" { format!("+{text}") } else { text }
}
