//! Verdicts for the terminal: sentences, wrapped.

use crate::comparison::Comparison;
use crate::judged::Judged;
use crate::judgement::{Judgement, News, Outcome, Topic, control};
use crate::visible::{one_line, unbroken};

/// Lines are at most this wide.
const WIDTH: usize = 100;

/// The verdicts on the subjects: in full on those that were changed, in a line on the others. Nothing where there is
/// none.
pub fn verdict_text(comparison: &Comparison) -> String {
    let judged = Judged::of(comparison);
    let mut text = String::new();
    for (subject, verdict) in &judged.full {
        let judgement = Judgement::of(verdict);
        let name = if judged.full.len() > 1 { format!("{}: ", one_line(&subject.name)) } else { String::new() };
        text += &wrapped(&format!("{name}{}", judgement.headline), "", "");
        judgement.topics.iter().for_each(|topic| write_topic(&mut text, topic));
    }
    for (subject, verdict) in judged.before {
        let name = one_line(&subject.name);
        text += &wrapped(&format!("Beside it, {name}: {}.", Outcome::of(verdict).label()), "", "");
    }
    for (subject, verdict) in judged.retrained {
        let (name, outcome) = (one_line(&subject.name), Outcome::of(verdict).label());
        text += &wrapped(&format!("Control, {name}: {outcome}. {}", control(verdict)), "", "");
    }
    text
}

fn write_topic(text: &mut String, topic: &Topic) {
    *text += &format!("  {}\n", topic.title);
    for sentence in &topic.sentences {
        let sign = match sentence.news {
            News::Good => "+",
            News::Bad => "!",
            News::Open => "?",
            News::Plain => "-",
        };
        *text += &wrapped(&one_line(&sentence.text), &format!("    {sign} "), "      ");
    }
}

/// Words in lines: the first after `first`, the others after `rest`.
fn wrapped(words: &str, first: &str, rest: &str) -> String {
    let (mut text, mut line, mut is_empty) = (String::new(), first.to_owned(), true);
    let words = unbroken(&one_line(words));
    for word in words.split(' ') {
        if !is_empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
            text += &format!("{line}\n");
            (line, is_empty) = (rest.to_owned(), true);
        }
        if !is_empty {
            line.push(' ');
        }
        line += word;
        is_empty = false;
    }
    (text + &line + "\n").replace('\u{a0}', " ")
}

#[cfg(test)]
mod tests {
    use super::wrapped;

    #[test]
    fn lines_end_between_words() {
        let text = wrapped(&"nine char ".repeat(30), "  - ", "    ");
        assert!(text.lines().count() > 3);
        assert!(text.lines().all(|l| l.chars().count() <= 100 && !l.ends_with(' ')));
        assert!(text.starts_with("  - nine char") && text.lines().nth(1).is_some_and(|l| l.starts_with("    ")));
        assert_eq!(wrapped(&"x".repeat(150), "", "").lines().count(), 1);
    }
}
