//! Several runs: the Pareto front, retrained models of several seeds, and the same as Markdown and CSV.

mod support;

use support::malformed;
use support::verdicts::{judged, judged_run};
use unlearn_core::verdict::Charge;
use unlearn_report::runs::{Plane, run_lines};
use unlearn_report::{Comparison, Role, SubjectColumn, render_csv, render_html, render_markdown};

fn three() -> Comparison {
    Comparison::of_runs(vec![
        judged_run("npo", 0.11, 0.92, &[]),
        judged_run("worse", 0.2, 0.88, &[Charge::Remembers]),
        judged_run("grad-diff", 0.002, 0.71, &[Charge::Damaged]),
    ])
}

fn with_another_seed() -> Comparison {
    let mut comparison = three();
    let eval = Some(judged("retrained", 0.1, 0.92, &[]));
    comparison.subjects.push(SubjectColumn { name: "retrained-seed-2".into(), eval, answers: vec![] });
    comparison
}

#[test]
fn runs_that_no_other_beats_are_on_the_front() {
    let comparison = three();
    let plane = Plane::of(&comparison).expect("a plane");
    assert_eq!((plane.forget, plane.kept, plane.changed()), ("forget/probability", "retain/probability", 3));
    let front: Vec<_> = run_lines(&comparison, Some(&plane))
        .into_iter()
        .map(|l| (l.subject.name.clone(), l.place.is_some_and(|p| p.is_front)))
        .collect();
    assert_eq!(front, [("npo".into(), true), ("worse".into(), false), ("grad-diff".into(), true)]);
}

#[test]
fn the_page_shows_table_plane_and_distributions() {
    let page = render_html(&with_another_seed());
    assert_eq!(malformed(&page), None);
    assert_eq!(page.matches(">on it</td>").count(), 2);
    assert!(page.contains("class=\"front\"") && page.contains("(the goal)"));
    assert!(page.contains("How likely single answers are") && page.contains("npo: 51 forget"));
    assert!(page.contains("worse: probability at every look") && page.contains("kept: step 84"));
    assert!(page.contains("Of 2 retrained models it is the gap to their mean"));
}

#[test]
fn every_retrained_model_is_shown_once() {
    let comparison = with_another_seed();
    let names: Vec<&str> = comparison.with_role(Role::Retrained).map(|s| s.name.as_str()).collect();
    assert_eq!(names, ["retrained", "retrained-seed-2"]);
}

#[test]
fn one_run_has_a_column_for_the_gap() {
    let comparison = Comparison::of_run(judged_run("npo", 0.11, 0.92, &[]));
    assert!(render_html(&comparison).contains("Gap to retrained"));
    let text = render_markdown(&comparison);
    let line = text.lines().find(|l| l.starts_with("| forget/probability |")).expect("a line");
    assert!(line.ends_with("| +0.030 |"), "{line}");
}

#[test]
fn markdown_has_verdict_then_runs_then_scores() {
    let text = render_markdown(&with_another_seed());
    let parts =
        ["# Comparison", "## Verdict", "## Runs side by side", "## Scores", "## More scores", "## What the sets mean"];
    let places: Vec<usize> = parts.iter().map(|p| text.find(p).expect(p)).collect();
    assert!(places.is_sorted(), "{places:?}");
    assert!(text.contains("| worse | worse | not forgotten | 0.200 | 0.880 | no |"), "{text}");
}

#[test]
fn csv_has_a_line_for_every_run_subject_and_metric() {
    let mut comparison = three();
    comparison.subjects[1].name = "a, \"b\"".into();
    let text = render_csv(&comparison);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "run,subject,set,metric,value,low,high,n,direction");
    let scores: usize = comparison.subjects.iter().map(|s| s.eval.as_ref().expect("scores").metrics.len()).sum();
    assert_eq!(lines.len(), 1 + scores);
    assert!(text.contains("\nnpo,\"a, \"\"b\"\"\",retain,probability,0.92,0.902"), "{text}");
    assert!(text.contains("\ngrad-diff,grad-diff,,privleak,6.1,,,80,neither\n"));
    assert!(lines.iter().filter(|l| !l.contains('"')).all(|l| l.matches(',').count() == 8));
}
