//! The verdict in words, at the top of the page.

use unlearn_core::verdict::Verdict;

use crate::comparison::{Comparison, SubjectColumn};
use crate::html::Html;
use crate::judged::Judged;
use crate::judgement::{Judgement, News, Outcome, Topic, control};
use crate::visible::unbroken;

/// The verdicts; nothing where there is none.
pub(super) fn verdicts(h: &mut Html, comparison: &Comparison) {
    let Judged { full, before, retrained } = Judged::of(comparison);
    if full.is_empty() {
        return;
    }
    h.element("section", &[("id", "verdict"), ("class", "verdicts"), ("aria-labelledby", "verdict-heading")], |h| {
        h.leaf("h2", &[("id", "verdict-heading")], "Verdict");
        for (subject, verdict) in &full {
            let name = (full.len() > 1).then_some(subject.name.as_str());
            in_full(h, name, &Judgement::of(verdict));
        }
        before.iter().for_each(|(subject, verdict)| start(h, subject, verdict));
        retrained.iter().for_each(|(subject, verdict)| goal(h, subject, verdict));
    });
}

/// Of several, what is behind the headline is folded away.
fn in_full(h: &mut Html, name: Option<&str>, judgement: &Judgement) {
    let class = format!("headline {}", tone(judgement.outcome));
    let Some(name) = name else {
        h.leaf("p", &[("class", &class)], &judgement.headline);
        return topics(h, &judgement.topics);
    };
    h.leaf("h3", &[], name);
    h.leaf("p", &[("class", &format!("{class} small"))], &judgement.headline);
    h.element("details", &[], |h| {
        h.leaf("summary", &[("aria-label", &format!("What is behind the verdict on {name}"))], "What is behind it");
        topics(h, &judgement.topics);
    });
}

fn tone(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::ForgottenAndKept => "good",
        Outcome::Untested => "open",
        _ => "bad",
    }
}

fn topics(h: &mut Html, topics: &[Topic]) {
    h.element("div", &[("class", "topics")], |h| {
        for (i, topic) in topics.iter().enumerate() {
            // How sure it is has the width to itself.
            let class = if i + 1 == topics.len() { "sure" } else { "topic" };
            h.element("div", &[("class", class)], |h| {
                h.leaf("h3", &[], topic.title);
                h.element("ul", &[], |h| {
                    for sentence in &topic.sentences {
                        let (class, sign) = match sentence.news {
                            News::Good => ("good", "✓"),
                            News::Bad => ("bad", "✗"),
                            News::Open => ("open", "?"),
                            News::Plain => ("plain", "·"),
                        };
                        h.element("li", &[("class", class)], |h| {
                            h.leaf("span", &[("class", "sign"), ("aria-hidden", "true")], sign);
                            h.element("span", &[], |h| h.text_with_code(&unbroken(&sentence.text)));
                        });
                    }
                });
            });
        }
    });
}

fn start(h: &mut Html, subject: &SubjectColumn, verdict: &Verdict) {
    let outcome = Outcome::of(verdict);
    let words = match outcome {
        Outcome::NotForgotten => {
            "The same tests find that this model knows the forget set: there was something to forget."
        }
        _ => "",
    };
    brief(h, "Beside it", subject, outcome, words);
}

fn goal(h: &mut Html, subject: &SubjectColumn, verdict: &Verdict) {
    brief(h, "Control", subject, Outcome::of(verdict), control(verdict));
}

fn brief(h: &mut Html, what: &str, subject: &SubjectColumn, outcome: Outcome, words: &str) {
    h.element("p", &[("class", "control")], |h| {
        h.leaf("strong", &[], &format!("{what}: {}", subject.name));
        h.text(&format!(" – {}. {words}", outcome.label()));
    });
}
