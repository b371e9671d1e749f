//! Verdicts in words: headline, topics, p-values, the control.

mod support;

use support::verdicts::{judged, judged_run, untested, verdict};
use unlearn_core::verdict::{Charge, Verdict};
use unlearn_report::judgement::{Judgement, News, Outcome, control};
use unlearn_report::{Comparison, SubjectColumn, render_html, render_markdown, verdict_text};

fn headline(guilty: &[Charge]) -> (Outcome, String) {
    let judgement = Judgement::of(&verdict(guilty));
    (judgement.outcome, judgement.headline)
}

#[test]
fn the_headline_is_the_gravest_charge_and_names_the_others() {
    let cases: &[(&[Charge], Outcome, &str)] = &[
        (&[], Outcome::ForgottenAndKept, "Forgotten and kept"),
        (&[Charge::Remembers], Outcome::NotForgotten, "Not forgotten"),
        (&[Charge::Masks], Outcome::Masked, "Masked: a guard withholds"),
        (&[Charge::Shuns], Outcome::Overdone, "Overdone"),
        (&[Charge::Damaged], Outcome::Damaged, "Damaged"),
        (&[Charge::Refuses], Outcome::Declines, "Declines"),
        (&[Charge::Damaged, Charge::Collapsed], Outcome::Collapsed, "Collapsed"),
        (&[Charge::Leaks], Outcome::Leaks, "Forgotten when asked directly, but it still leaks"),
    ];
    for (guilty, outcome, start) in cases {
        let (found, words) = headline(guilty);
        assert_eq!(found, *outcome, "{guilty:?}");
        assert!(words.starts_with(start) && !words.contains("Also"), "{words}");
    }
    let (_, both) = headline(&[Charge::Shuns, Charge::Damaged]);
    assert!(both.starts_with("Overdone: ") && both.ends_with("Also: less is known of what was to be kept."), "{both}");
}

#[test]
fn what_was_not_tested_is_not_claimed() {
    let judgement = Judgement::of(&untested());
    assert_eq!(judgement.outcome, Outcome::Untested);
    assert!(judgement.headline.starts_with("Untested: "));
    assert!(judgement.topics.iter().take(3).all(|t| t.sentences.iter().all(|s| s.news == News::Open)));
    assert_eq!(Judgement::of(&Verdict::default()).outcome, Outcome::Untested);
    let mut only_memory = verdict(&[]);
    only_memory.findings.retain(|f| f.charge == Charge::Remembers);
    assert!(Judgement::of(&only_memory).headline.ends_with("Whether the rest was kept was not tested."));
    let mut only_damage = verdict(&[Charge::Damaged]);
    only_damage.findings.retain(|f| f.charge == Charge::Damaged);
    assert!(Judgement::of(&only_damage).headline.ends_with("Whether the forget set is still known was not tested."));
}

#[test]
fn topics_come_in_order_with_the_bad_news_first() {
    let judgement = Judgement::of(&verdict(&[Charge::Refuses]));
    let titles: Vec<&str> = judgement.topics.iter().map(|t| t.title).collect();
    assert_eq!(titles, ["What was forgotten", "What was kept", "What still leaks", "How sure this is"]);
    let kept: Vec<News> = judgement.topics[1].sentences.iter().map(|s| s.news).collect();
    assert_eq!(kept, [News::Bad, News::Good]);
}

#[test]
fn a_difference_that_is_rare_but_small_is_explained() {
    let mut verdict = verdict(&[]);
    verdict.findings[0].numbers.insert("p-value".into(), 0.002);
    let sure = &Judgement::of(&verdict).topics[3].sentences;
    let small: Vec<_> = sure
        .iter()
        .filter(|s| s.text.ends_with("(p = 0.002). It is hardly chance, but the difference is too small to matter."))
        .collect();
    assert_eq!(small.len(), 1, "{sure:?}");
}

#[test]
fn a_charge_without_words_is_still_named() {
    let mut verdict = verdict(&[Charge::Damaged]);
    verdict.findings.iter_mut().for_each(|f| f.words.clear());
    let kept = &Judgement::of(&verdict).topics[1].sentences;
    assert!(kept.iter().any(|s| s.text == "Damaged (`retain`)." && s.news == News::Bad), "{kept:?}");
}

#[test]
fn no_p_value_is_zero_anywhere() {
    let comparison = Comparison::of_run(judged_run("npo", 0.6, 0.9, &[Charge::Remembers]));
    for text in [verdict_text(&comparison), render_markdown(&comparison), render_html(&comparison)] {
        let plain = text.replace('\u{a0}', " ").replace("\\<", "<").replace("&lt;", "<");
        assert!(!plain.contains("p = 0.00)") && plain.contains("p < 0.001"), "{plain}");
        assert!(plain.contains("less than once in 1,000 tries"));
    }
}

#[test]
fn the_terminal_begins_with_the_verdict_and_no_line_is_long() {
    let text = verdict_text(&Comparison::of_run(judged_run("npo", 0.1, 0.92, &[])));
    assert!(text.starts_with("Forgotten and kept: "));
    assert!(text.lines().all(|l| l.chars().count() <= 100), "{text}");
    assert!(text.contains("Beside it, before: not forgotten.\n"));
    assert!(text.contains("Control, retrained: forgotten and kept."));
}

#[test]
fn a_control_that_is_charged_warns() {
    assert!(control(&verdict(&[Charge::Remembers])).contains("with care"));
    assert!(control(&verdict(&[])).contains("as they should"));
    assert!(control(&untested()).contains("could not"));
}

#[test]
fn where_nothing_was_changed_the_model_examined_is_judged_in_full() {
    let column = |name: &str, guilty: &[Charge]| SubjectColumn {
        name: name.into(),
        eval: Some(judged(name, 0.9, 0.9, guilty)),
        answers: vec![],
    };
    let subjects = vec![column("target", &[Charge::Remembers]), column("retrained", &[])];
    let text = verdict_text(&Comparison { subjects, ..Comparison::default() });
    assert!(text.starts_with("Not forgotten: ") && text.contains("Control, retrained"), "{text}");
}

#[test]
fn without_a_verdict_there_is_no_section() {
    let comparison = Comparison::of_run(support::made_up_run("npo", 3));
    assert_eq!(verdict_text(&comparison), "");
    assert!(!render_html(&comparison).contains("id=\"verdict\""));
    assert!(!render_markdown(&comparison).contains("## Verdict"));
}
