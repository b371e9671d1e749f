//! A verdict in words for people: a headline, and under it what was forgotten, what was kept, what still leaks, and
//! how sure that is.

mod headline;
mod sureness;

use unlearn_core::verdict::{Charge, Finding, Verdict};

use crate::p_value::without_p_values;

pub use headline::{Outcome, control};

/// A verdict in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// What it comes to.
    pub outcome: Outcome,
    /// The same in a sentence.
    pub headline: String,
    /// The sentences behind it.
    pub topics: Vec<Topic>,
}

/// Sentences that answer one question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topic {
    /// The question.
    pub title: &'static str,
    /// The answer. Backticks enclose names.
    pub sentences: Vec<Sentence>,
}

/// One thing that was tested, or something to know about a test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sentence {
    /// The words.
    pub text: String,
    /// What kind of news it is.
    pub news: News,
}

/// What kind of news a sentence brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    /// A test was passed.
    Good,
    /// A charge was found true.
    Bad,
    /// Something was not tested.
    Open,
    /// Neither: a circumstance.
    Plain,
}

impl Sentence {
    fn new(news: News, text: impl Into<String>) -> Self {
        Self { text: text.into(), news }
    }
}

impl Judgement {
    /// The words for a verdict.
    pub fn of(verdict: &Verdict) -> Self {
        let outcome = Outcome::of(verdict);
        Self { outcome, headline: headline::headline(outcome, verdict), topics: topics(verdict) }
    }
}

fn topics(verdict: &Verdict) -> Vec<Topic> {
    let topic = |title, sentences| Topic { title, sentences };
    vec![
        topic("What was forgotten", forgotten(verdict)),
        topic("What was kept", kept(verdict)),
        topic("What still leaks", leaks(verdict)),
        topic("How sure this is", sureness::sureness(verdict)),
    ]
}

fn forgotten(verdict: &Verdict) -> Vec<Sentence> {
    let untested = "Whether the forget set is still known was not tested.";
    on(verdict, &[Charge::Masks, Charge::Remembers, Charge::Shuns], untested)
}

fn kept(verdict: &Verdict) -> Vec<Sentence> {
    let untested = "Whether the rest was kept was not tested: that takes a set to be kept, and the model before or a \
                    retrained one to compare with.";
    let mut sentences = on(verdict, &[Charge::Damaged, Charge::Collapsed, Charge::Refuses], untested);
    let tested = || verdict.on(Charge::Refuses).filter(|f| f.found.is_some());
    if tested().count() > 0 && tested().all(|f| f.found == Some(false)) {
        sentences.retain(|s| s.news != News::Open);
        sentences.push(Sentence::new(News::Good, "Nothing that was to be kept is declined too often."));
    }
    sentences
}

fn leaks(verdict: &Verdict) -> Vec<Sentence> {
    let untested = "Other ways to ask were not tested: that takes a retrained model and questions put in other words, \
                    the other way round or by implication (the sets `paraphrased`, `inverse` and `one-hop`).";
    on(verdict, &[Charge::Marked, Charge::Leaks], untested)
}

/// The findings on some charges, the bad news first; the words for nothing where there is none.
fn on(verdict: &Verdict, charges: &[Charge], nothing: &str) -> Vec<Sentence> {
    let findings = verdict.findings.iter().filter(|f| charges.contains(&f.charge));
    let mut sentences: Vec<Sentence> = findings.filter_map(sentence).collect();
    sentences.sort_by_key(|s| s.news != News::Bad);
    if sentences.is_empty() { vec![Sentence::new(News::Open, nothing)] } else { sentences }
}

/// A finding's own words. Of two findings from one test, one has none.
fn sentence(finding: &Finding) -> Option<Sentence> {
    let news = match finding.found {
        Some(true) => News::Bad,
        Some(false) => News::Good,
        None => News::Open,
    };
    let text = without_p_values(finding.words.trim());
    match (text.is_empty(), news) {
        (true, News::Bad) => {
            Some(Sentence::new(news, format!("{} (`{}`).", charge_words(finding.charge), finding.set)))
        }
        (true, _) => None,
        (false, _) => Some(Sentence::new(news, text)),
    }
}

fn charge_words(charge: Charge) -> &'static str {
    match charge {
        Charge::Remembers => "Not forgotten",
        Charge::Marked => "Stands out",
        Charge::Shuns => "Overdone",
        Charge::Damaged => "Damaged",
        Charge::Refuses => "Declined",
        Charge::Collapsed => "Collapsed",
        Charge::Masks => "Masked",
        Charge::Leaks => "Still leaks",
    }
}
