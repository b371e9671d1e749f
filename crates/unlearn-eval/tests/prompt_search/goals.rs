//! From rows of text to goals, and from what is found back to text.

use unlearn_core::recipe::ChatSection;
use unlearn_data::{Content, Message, Row};
use unlearn_eval::attacks::prompt_search::{Goal, Place, Problem, Words};

use crate::common::*;

fn row() -> Row {
    Row::question("Where was Mira Marchetti born?", "Mira Marchetti was born in Brisport.")
}

#[test]
fn free_places_stand_before_or_behind_the_question() {
    let model = model("metrics/model");
    let encoder = model.encoder(&ChatSection::default());
    let tokenizer = model.tokenizer.as_ref().expect("a tokenizer");
    let (whole, _) = encoder.prompt_text(&[Message::new("user", "Where was Mira Marchetti born?")]).expect("a prompt");
    for (place, split) in [(Place::Prefix, "Where"), (Place::Suffix, "born?")] {
        let goal = Goal::of(&encoder, &row(), place, None).expect("a goal");
        let (before, after, _) = goal.text.clone().expect("a text");
        assert_eq!(format!("{before}{after}"), whole);
        let at = whole.find(split).expect("the question") + if place == Place::Suffix { split.len() } else { 0 };
        assert_eq!(before.len(), at);
        assert_eq!(tokenizer.encode(&before, false).expect("tokens"), goal.before);
        let target = tokenizer.decode(&goal.target).expect("a text");
        assert_eq!(target, "Mira Marchetti was born in Brisport.");
        assert_eq!(goal.slots(3), [0, 1, 2].map(|n| goal.before.len() + n));
        let other = Goal::of(&encoder, &row(), place, Some("Sure")).expect("a goal");
        assert_eq!(tokenizer.decode(&other.target).expect("a text"), "Sure");
    }
    let turns = ["Hello", "Where was Mira Marchetti born?"].map(|text| Message::new("user", text));
    let turns =
        vec![turns[0].clone(), Message::new("assistant", "Yes?"), turns[1].clone(), Message::new("assistant", "No.")];
    let goal = Goal::of(&encoder, &Row::of(Content::Messages(turns)), Place::Suffix, None).expect("a goal");
    assert!(goal.text.expect("a text").0.ends_with("born?"), "the last question's");
}

#[test]
fn rows_without_a_template_are_as_the_encoder_has_them() {
    let mut model = model("metrics/model");
    model.template = None;
    let encoder = model.encoder(&ChatSection::default());
    for row in [row(), Row::completion("Mira Marchetti was", " born in Brisport.")] {
        let goal = Goal::of(&encoder, &row, Place::Suffix, None).expect("a goal");
        let expected = encoder.encode(&row).expect("tokens");
        let text = |ids: &[u32]| model.tokenizer.as_ref().expect("a tokenizer").decode(ids).expect("a text");
        assert_eq!(text(&[goal.prompt(&[]), goal.target].concat()), text(&expected.ids));
    }
    let tokens = Row::of(Content::Tokens { input_ids: vec![1, 2, 3, 4], labels: vec![-100, -100, 3, 4] });
    let goal = Goal::of(&encoder, &tokens, Place::Suffix, None).expect("a goal");
    assert_eq!((goal.before, goal.after, goal.target), (vec![1, 2], vec![], vec![3, 4]));
    let goal = Goal::of(&encoder, &tokens, Place::Prefix, None).expect("a goal");
    assert_eq!((goal.before, goal.after), (vec![], vec![1, 2]));
    let text = Row::text("Mira Marchetti was born in Brisport.");
    for (row, target) in [(&text, None), (&tokens, Some("Sure")), (&row(), Some(" "))] {
        assert!(Goal::of(&encoder, row, Place::Suffix, target).is_err());
    }
}

#[test]
fn what_is_found_is_a_text_that_becomes_the_same_tokens() {
    let model = model("metrics/model");
    let encoder = model.encoder(&ChatSection::default());
    let tokenizer = model.tokenizer.as_ref().expect("a tokenizer");
    let goals = [Goal::of(&encoder, &row(), Place::Suffix, None).expect("a goal")];
    let begin = small().begin(&model).expect("20 times x");
    let slots = begin.len();
    assert_eq!(tokenizer.decode(&begin).expect("a text"), small().init);
    let back = |ids: &[u32]| tokenizer.encode(&tokenizer.decode(ids).expect("a text"), false).expect("tokens") == ids;
    let strict = Problem::new(&model, &goals, slots, Words::default(), 2048).expect("a problem");
    let found = run(&small(), &strict, slots, &steps(12));
    let text = found.text.expect("a text");
    assert!(back(&found.state.best.ids) && text.chars().all(|c| (' '..='~').contains(&c)), "{text}");
    assert_eq!(tokenizer.encode(&text, false).expect("tokens"), found.state.best.ids);
    // It is a test: without it, other prompts are found.
    let free = problem(&model, &goals, slots);
    let found = run(&small(), &free, slots, &steps(12));
    assert!(!back(&found.state.best.ids) || !found.text.expect("a text").is_ascii());
    assert!(goals[0].reads_back(tokenizer, &found.state.best.ids).expect("reads") == Some(false));
    assert!(
        Problem::new(&llama(), &goals, 4, Words::default(), 64).expect_err("none").to_string().contains("tokenizer")
    );
}
