//! Several seeds of one recipe: who belongs together, and what they come to.

mod support;

use support::{made_up_run, malformed};
use unlearn_report::seeds::groups;
use unlearn_report::{Comparison, RunView, render_csv, render_html, render_markdown};

/// A run of `npo` from a seed, with one forget probability.
fn run(name: &str, seed: u64, model: &str, beta: f64, forget: f64) -> RunView {
    let mut run = made_up_run(name, 2);
    run.record.seed = seed;
    run.recipe = Some(format!(
        "seed = {seed}\n[model]\npath = \"{model}\"\n[data]\nforget = [\"forget10.jsonl\"]\n\
         [method]\nname = \"npo\"\nbeta = {beta:?}\n[eval]\nobservations = \"seen-{name}\"\n"
    ));
    let eval = run.eval.as_mut().expect("scores");
    eval.subject.digest = format!("digest of {name}");
    eval.metrics.get_mut("forget/probability").expect("a score").value = Some(forget);
    run
}

fn three_seeds() -> Vec<RunView> {
    vec![
        run("npo-1", 1, "runs/target-1/model", 0.1, 0.2),
        run("npo-2", 2, "runs/target-2/model", 0.1, 0.4),
        run("npo-10", 10, "runs/target-10/model", 0.1, 0.9),
    ]
}

fn names(comparison: &Comparison) -> Vec<Vec<&str>> {
    groups(comparison).iter().map(|seeds| seeds.names()).collect()
}

/// 0.2, 0.4 and 0.9: the mean is 0.5, the squares of what is left are 0.09, 0.01 and 0.16, and t with two degrees of
/// freedom is 4.30265.
#[test]
fn mean_deviation_and_interval_are_those_of_the_runs() {
    let comparison = Comparison::of_runs(three_seeds());
    let seeds = groups(&comparison);
    let row = seeds[0].rows.iter().find(|row| row.metric == "forget/probability").expect("a row");
    assert_eq!((seeds.len(), row.n), (1, 3));
    let deviation = 0.13_f64.sqrt();
    assert!((row.spread.mean - 0.5).abs() < 1e-12 && (row.spread.deviation - deviation).abs() < 1e-12);
    let half = 4.302_652_729_749_464 * deviation / 3.0_f64.sqrt();
    assert!((row.spread.interval[0] - 0.5 + half).abs() < 1e-9 && (row.spread.interval[1] - 0.5 - half).abs() < 1e-9);
    let same = seeds[0].rows.iter().find(|row| row.metric == "retain/rouge").expect("a row");
    assert_eq!(same.spread.deviation, 0.0);
}

#[test]
fn runs_belong_together_where_only_the_seed_and_its_models_differ() {
    let mut runs = three_seeds();
    runs.push(run("again", 2, "runs/target-2/model", 0.1, 0.5));
    runs.push(run("other-method", 3, "runs/target-3/model", 0.2, 0.5));
    runs.push(run("other-model", 4, "runs/another/model", 0.1, 0.5));
    runs.push(RunView { recipe: Some("[method]\nsomething = old".into()), ..run("unreadable", 5, "x", 0.1, 0.5) });
    runs.push(RunView { eval: None, ..run("unexamined", 6, "runs/target-6/model", 0.1, 0.5) });
    assert_eq!(names(&Comparison::of_runs(runs)), [["npo-1", "npo-2", "npo-10"]]);
    // One model, several seeds of the method, though its name holds a number that is one of them.
    let one = [10, 11].map(|seed| run(&format!("npo-{seed}"), seed, "runs/target-10/model", 0.1, 0.5));
    assert_eq!(names(&Comparison::of_runs(one.into())), [["npo-10", "npo-11"]]);
    let mut other_data = three_seeds();
    other_data[1].recipe = other_data[1].recipe.as_ref().map(|text| text.replace("forget10", "forget05"));
    assert_eq!(names(&Comparison::of_runs(other_data)), [["npo-1", "npo-10"]]);
    let mut other_command = three_seeds();
    other_command[0].record.command = "eval".into();
    assert_eq!(names(&Comparison::of_runs(other_command)), [["npo-2", "npo-10"]]);
}

#[test]
fn page_markdown_and_csv_say_the_same() {
    let comparison = Comparison::of_runs(three_seeds());
    let page = render_html(&comparison);
    assert_eq!(malformed(&page), None);
    assert!(page.contains("One recipe from 3 seeds (npo-1, npo-2, npo-10)") && page.contains("href=\"#seeds\""));
    assert!(page.contains("<span class=\"value\">0.500</span> <span class=\"interval\">−0.396 to 1.396</span>"));
    let text = render_markdown(&comparison);
    assert!(text.contains("| forget/probability | lower | 3 | 0.500 (−0.396 to 1.396) | 0.361 |"), "{text}");
    let parts = ["## Runs side by side", "## Over seeds", "## Scores"].map(|part| text.find(part).expect(part));
    assert!(parts.is_sorted());
    let csv = render_csv(&comparison);
    let line = |subject: &str| {
        let begin = format!("npo-1 npo-2 npo-10,{subject},forget,probability,");
        csv.lines()
            .find_map(|line| line.strip_prefix(&begin))
            .expect("a line")
            .split(',')
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let (mean, deviation) = (line("mean over seeds"), line("deviation over seeds"));
    let number = |text: &str| text.parse::<f64>().expect("a number");
    assert!((number(&mean[0]) - 0.5).abs() < 1e-12 && number(&mean[1]) < -0.39 && mean[3..] == ["3", "lower"]);
    assert!((number(&deviation[0]) - 0.13_f64.sqrt()).abs() < 1e-12 && deviation[1..] == ["", "", "3", "lower"]);
}

#[test]
fn a_single_run_and_runs_of_one_seed_have_nothing_to_show() {
    for runs in [three_seeds()[..1].to_vec(), vec![three_seeds().remove(0), three_seeds().remove(0)]] {
        let comparison = Comparison::of_runs(runs);
        assert!(groups(&comparison).is_empty());
        assert!(
            !render_html(&comparison).contains("Over seeds") && !render_markdown(&comparison).contains("Over seeds")
        );
        assert!(!render_csv(&comparison).contains("over seeds"));
    }
}
