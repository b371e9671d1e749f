//! Tables and samples for the terminal, and Markdown.

mod support;

use support::{answer, made_up_run};
use unlearn_report::{Comparison, SubjectColumn, samples_text, score_table_markdown, score_table_text, summary};

#[test]
fn the_table_is_aligned() {
    let text = score_table_text(&Comparison::of_run(made_up_run("npo", 2)));
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 12);
    assert_eq!(lines[11], "1 more metric is in `eval.json`");
    let widths: Vec<usize> = lines[..11].iter().map(|l| l.chars().count()).collect();
    assert!(widths.iter().all(|w| *w == widths[0]), "{text}");
    assert!(lines[0].starts_with("metric"));
    let fields: Vec<&str> = lines[1].split("  ").map(str::trim).filter(|f| !f.is_empty()).collect();
    assert_eq!(fields, ["forget/probability", "lower", "40", "0.930 (0.909 to 0.951)", "0.040 (0.019 to 0.061)"]);
}

#[test]
fn markdown_has_as_many_columns_in_every_row() {
    let mut comparison = Comparison::of_run(made_up_run("npo", 2));
    comparison.subjects[1].name = "a|b".into();
    let text = score_table_markdown(&comparison);
    assert!(
        text.starts_with("| metric | better | items | before | a\\|b |\n| --- | --- | ---: | ---: | ---: |\n"),
        "{text}"
    );
    assert!(text.lines().all(|l| l.replace("\\|", "").matches('|').count() == 6), "{text}");
    assert!(text.contains("| forget/probability | lower | 40 | 0.930 (0.909 to 0.951) | 0.040 (0.019 to 0.061) |"));
}

#[test]
fn samples_show_every_subject() {
    let text = samples_text(&Comparison::of_run(made_up_run("npo", 2)), 1);
    let expected = "\
forget, question 1: Where was Mira Oduya born?
  expected  Mira Oduya was born in Lisbon and wrote two novels about the sea.
  before    Mira Oduya was born in Lisbon and wrote two novels about the sea.
  after     I am not sure about that author.

retain, question 1: What is the capital of France?
  expected  Paris is the capital of France.
  before    Paris is the capital of France.
  after     Paris is the capital of France.
";
    assert_eq!(text, expected);
}

#[test]
fn a_model_cannot_command_the_terminal() {
    let said = "\u{1b}]0;title\u{7}\u{1b}[2J\r\u{8}\u{9b}31m";
    let subject = SubjectColumn {
        name: format!("after{said}"),
        eval: None,
        answers: vec![answer(said, 0, said.into(), said.into(), said.into())],
    };
    let comparison = Comparison { subjects: vec![subject], ..Comparison::default() };
    let all = samples_text(&comparison, 3) + &score_table_text(&comparison) + &score_table_markdown(&comparison);
    assert!(all.chars().all(|c| c == '\n' || !c.is_control()), "{all:?}");
}

#[test]
fn the_retrained_model_is_named_where_it_was_examined() {
    let column = |name: &str, forget, retain| SubjectColumn {
        name: name.into(),
        eval: Some(support::eval(name, forget, retain)),
        answers: vec![],
    };
    let subjects = vec![column("target", 0.93, 0.94), column("unlearned", 0.04, 0.94), column("retrained", 0.05, 0.95)];
    let comparison = Comparison { subjects, runs: vec![made_up_run("npo", 2)], ..Comparison::default() };
    assert_eq!(
        summary(&comparison),
        ["After `npo`, the probability of the forget answers fell from 0.93 to 0.04 (retrained: 0.05); \
          on the retain set it stayed at 0.94 (retrained: 0.95)."]
    );
}

#[test]
fn without_scores_the_summary_says_so() {
    assert_eq!(summary(&Comparison::default()), ["No score was taken that a sentence could sum up."]);
    assert_eq!(score_table_text(&Comparison::default()), "metric  better  items\n");
}
