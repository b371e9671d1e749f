//! Questions with every subject's answer; words that were not expected are marked.

use super::{column, table};
use crate::answers::{Question, QuestionSet, question_sets};
use crate::comparison::Comparison;
use crate::diff::difference;
use crate::html::Html;
use crate::visible::cut;
use crate::{number, scope};

/// Longer texts are cut here.
const MAX_CHARACTERS: usize = 1200;

pub(super) fn answer_tables(comparison: &Comparison) -> Option<Html> {
    let sets = question_sets(comparison, comparison.max_answers);
    if sets.is_empty() {
        return None;
    }
    let mut h = Html::new();
    h.element("p", &[], |h| {
        h.text("The questions are spread evenly over each set; nobody picked them. Words that are ");
        h.leaf("mark", &[], "underlined");
        h.text(" are not those of the expected answer.");
    });
    sets.iter().for_each(|set| write_set(&mut h, set, comparison));
    Some(h)
}

fn write_set(h: &mut Html, set: &QuestionSet, comparison: &Comparison) {
    let (title, aim) = scope::title(set.set);
    let aim = if aim.is_empty() { String::new() } else { format!(" ({aim})") };
    let (shown, total) = (number::count(set.questions.len() as u64), number::count(set.total as u64));
    let caption = format!("{title}{aim}: {shown} of {total} questions");
    let asked = |i: &usize| set.questions.iter().any(|q| q.generations[*i].is_some());
    let columns: Vec<usize> = (0..comparison.subjects.len()).filter(asked).collect();
    table(h, "answers", &caption, |h| {
        h.element("thead", &[], |h| {
            h.element("tr", &[], |h| {
                column(h, "", "Question");
                column(h, "", "Expected answer");
                columns.iter().for_each(|i| column(h, "", &comparison.subjects[*i].name));
            });
        });
        h.element("tbody", &[], |h| set.questions.iter().for_each(|q| write_question(h, q, &columns)));
    });
}

fn write_question(h: &mut Html, question: &Question, columns: &[usize]) {
    h.element("tr", &[], |h| {
        h.element("th", &[("scope", "row")], |h| {
            h.leaf("span", &[("class", "index")], &format!("{}. ", question.index + 1));
            passage(h, question.question);
        });
        h.element("td", &[], |h| passage(h, question.expected));
        for i in columns {
            h.element("td", &[], |h| match question.generations[*i] {
                None => h.leaf("span", &[("class", "muted")], number::MISSING),
                Some(said) if said.trim().is_empty() => h.leaf("span", &[("class", "muted")], "(no answer)"),
                Some(said) => write_answer(h, question.expected, said),
            });
        }
    });
}

fn write_answer(h: &mut Html, expected: &str, said: &str) {
    let (shown, left_off) = cut(said.trim(), MAX_CHARACTERS);
    let difference = difference(expected, shown);
    h.element("bdi", &[("class", "passage")], |h| {
        for piece in &difference.pieces {
            if piece.differs { h.leaf("mark", &[], piece.text) } else { h.text(piece.text) }
        }
    });
    more(h, left_off);
    let verdict = match () {
        () if difference.same => "word for word".to_owned(),
        () => format!("{} of {} expected words", difference.kept, difference.expected),
    };
    h.leaf("span", &[("class", "verdict")], &verdict);
}

fn passage(h: &mut Html, text: &str) {
    let (shown, left_off) = cut(text.trim(), MAX_CHARACTERS);
    h.leaf("bdi", &[("class", "passage")], shown);
    more(h, left_off);
}

fn more(h: &mut Html, left_off: usize) {
    if left_off > 0 {
        h.leaf("span", &[("class", "muted")], &format!(" … {} more characters", number::count(left_off as u64)));
    }
}
