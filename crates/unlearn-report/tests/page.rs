//! The page: compared with a stored one, well-formed, escaped, accessible.

mod support;

use std::path::Path;

use proptest::prelude::*;
use support::{answer, made_up_run, malformed};
use unlearn_core::score::Answer;
use unlearn_core::verdict::{Charge, Verdict};
use unlearn_report::{Comparison, Role, RunView, SubjectColumn, render_html};

/// Compares with a file in `tests/golden`; `UPDATE_GOLDEN=1` writes it anew.
fn assert_golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, text).expect("golden file can be written");
    }
    let golden = std::fs::read_to_string(&path).expect("golden file");
    let differs = golden.lines().zip(text.lines()).position(|(a, b)| a != b);
    assert_eq!(golden, text, "`{name}` first differs in line {:?}", differs.map(|i| i + 1));
}

fn without_style(page: &str) -> String {
    let (head, rest) = page.split_once("<style>").expect("a style");
    let (_, rest) = rest.split_once("</style>").expect("its end");
    format!("{head}<style></style>{rest}")
}

fn with_answer(text: &str) -> String {
    let subject = |name: &str| SubjectColumn {
        name: name.into(),
        eval: None,
        answers: vec![answer(text, 0, text.into(), text.into(), format!("{text} and more {text}"))],
    };
    let mut run = made_up_run(text, 2);
    run.recipe = Some(text.into());
    run.record.argv = vec![text.into()];
    run.record.device = text.into();
    run.method = Some(text.into());
    let finding =
        support::verdicts::finding(Charge::Leaks, text, Some(true), text, &[("at-least", 0.1), ("at-most", 0.2)]);
    let verdict = Verdict { findings: vec![finding], basis: vec![text.into()] };
    run.eval.iter_mut().for_each(|e| e.verdict = Some(verdict.clone()));
    let mut comparison = Comparison::of_run(run);
    comparison.subjects.push(subject(text));
    comparison.max_answers = 4;
    render_html(&comparison)
}

#[test]
fn the_page_of_one_run() {
    let page = render_html(&Comparison::of_run(made_up_run("npo", 12)));
    assert_eq!(malformed(&page), None);
    assert_golden("page.html", &without_style(&page));
}

#[test]
fn the_page_says_in_a_sentence_what_came_of_it() {
    let page = render_html(&Comparison::of_run(made_up_run("npo", 2)));
    assert!(page.contains(
        "After <code>npo</code>, the probability of the forget answers fell from 0.93 to 0.04; \
         on the retain set it went from 0.94 to 0.92."
    ));
}

#[test]
fn several_runs_stand_side_by_side_with_their_common_start() {
    let comparison = Comparison::of_runs(vec![made_up_run("first", 3), made_up_run("second", 3)]);
    let names: Vec<&str> = comparison.subjects.iter().map(|s| s.name.as_str()).collect();
    assert_eq!(names, ["before", "first", "second"]);
    let page = render_html(&comparison);
    assert_eq!(malformed(&page), None);
    assert!(page.contains("With <code>first</code>, ") && page.contains("With <code>second</code>, "));
}

#[test]
fn a_retrained_model_that_was_examined_beside_is_a_column() {
    let mut run = made_up_run("mine", 3);
    run.eval_retrained = Some(support::eval("retrained", 0.05, 0.93));
    let comparison = Comparison::of_run(run);
    let names: Vec<&str> = comparison.subjects.iter().map(|s| s.name.as_str()).collect();
    assert_eq!(names, ["before", "after", "retrained"]);
    assert_eq!(comparison.with_role(Role::Retrained).count(), 1);
}

#[test]
fn a_start_that_is_itself_a_run_is_not_shown_twice() {
    let target = RunView {
        eval_before: None,
        answers_before: vec![],
        eval: Some(support::eval("target", 0.93, 0.94)),
        ..made_up_run("tuned", 3)
    };
    let comparison = Comparison::of_runs(vec![target, made_up_run("npo", 3)]);
    let names: Vec<&str> = comparison.subjects.iter().map(|s| s.name.as_str()).collect();
    assert_eq!(names, ["tuned", "npo"]);
}

#[test]
fn pages_of_nearly_nothing_are_pages() {
    let nothing = Comparison::default();
    let bare = Comparison::of_run(RunView { name: "bare".into(), ..RunView::default() });
    for comparison in [nothing, bare] {
        let page = render_html(&comparison);
        assert_eq!(malformed(&page), None);
        assert!(!page.contains("NaN"));
    }
}

#[test]
fn a_script_in_an_answer_is_text() {
    let page = with_answer("<script>alert('x')</script>\" onload=\"y() --> ]]> </style> &amp;");
    assert!(!page.contains("<script"));
    assert!(!page.contains("onload=\""));
    assert!(page.contains("&lt;script&gt;"));
    assert!(page.contains("&amp;amp;"));
    assert_eq!(page.matches("</style>").count(), 1);
    assert_eq!(malformed(&page), None);
}

#[test]
fn nothing_is_fetched() {
    let page = render_html(&Comparison::of_run(made_up_run("npo", 12))).replace("http://www.w3.org/2000/svg", "");
    for outside in ["http:", "https:", "src=", "url(", "@import", "<script", "<link", "<img"] {
        assert!(!page.contains(outside), "{outside}");
    }
}

#[test]
fn everything_has_a_name_for_those_who_cannot_see_it() {
    let runs = ["first", "second"].map(|name| support::verdicts::judged_run(name, 0.1, 0.9, &[]));
    let page = render_html(&Comparison::of_runs(runs.to_vec()));
    assert!(page.contains("<html lang=\"en\">"));
    let pieces = |tag: &str| page.split(&format!("<{tag}")).skip(1).map(str::to_owned).collect::<Vec<_>>();
    assert!(!pieces("table ").is_empty());
    for table in pieces("table ") {
        let (_, content) = table.split_once('>').expect("a tag");
        assert!(content.trim_start().starts_with("<caption>"), "{content:.80}");
    }
    for heading in pieces("th ") {
        assert!(heading.starts_with("scope=\""), "{heading:.80}");
    }
    assert!(!page.contains("<th>"));
    for drawing in pieces("svg ") {
        assert!(drawing.starts_with("role=\"img\""));
        assert!(drawing.contains("<title>") && drawing.contains("<desc>"));
    }
}

#[test]
fn drawings_are_named_and_the_verdict_is_a_section() {
    let page = render_html(&Comparison::of_run(support::verdicts::judged_run("npo", 0.1, 0.9, &[])));
    assert!(page.contains("<section id=\"verdict\" class=\"verdicts\" aria-labelledby=\"verdict-heading\">"));
    assert_eq!(page.matches("<svg ").count(), page.matches("<svg role=\"img\"").count());
    let main = page.split("<main").next().expect("a header");
    assert!(main.contains("Forgotten and kept"), "the verdict comes before everything else");
}

#[test]
fn long_answers_and_many_questions_are_cut() {
    let long = "word ".repeat(100_000);
    let answers: Vec<Answer> =
        (0..1000).map(|i| answer("forget", i, format!("q{i}"), "a".into(), long.clone())).collect();
    let subjects = vec![SubjectColumn { name: "after".into(), eval: None, answers }];
    let page = render_html(&Comparison { subjects, max_answers: 5, ..Comparison::default() });
    assert!(page.len() < 60_000, "{}", page.len());
    assert!(page.contains("5 of 1,000 questions"));
    assert!(page.contains("more characters"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_a_model_says_the_page_is_well_formed(text in any::<String>(), markup in "[<>/a-z\"'&;!\\-\\[\\] =\u{0}-\u{1f}`|]{0,60}") {
        prop_assert_eq!(malformed(&without_style(&with_answer(&text))), None);
        prop_assert_eq!(malformed(&without_style(&with_answer(&markup))), None);
    }
}
