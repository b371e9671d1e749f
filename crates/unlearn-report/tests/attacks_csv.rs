//! What attacks brought back, as CSV.

mod support;

use unlearn_core::attack::{AttackReport, Attacked, Cost, Outcome, Recovered, Trial};
use unlearn_core::score::Subject;
use unlearn_report::{Comparison, RunView, render_attacks_csv};

const FIELDS: usize = 17;

fn attacked(name: &str, seconds: f64) -> Attacked {
    let trial = |label: &str, steps, queries| {
        let cost = Cost { steps, queries, forward_tokens: 10 * queries, seconds };
        Trial { label: label.into(), cost, ..Trial::default() }
    };
    let outcome = |attack: &str, trials| Outcome { attack: attack.into(), trials, ..Outcome::default() };
    Attacked {
        subject: Subject { name: name.into(), path: name.into(), digest: String::new() },
        plain: trial("none", 0, 40),
        // The same label in two attacks: the cost is that of its own.
        attacks: vec![
            outcome("relearn", vec![trial("5 steps", 5, 80)]),
            outcome("prune", vec![trial("5 steps", 0, 60)]),
        ],
    }
}

fn found(attack: Option<(&str, &str)>, said: bool, back: usize) -> Recovered {
    Recovered {
        attack: attack.map(|(name, _)| name.into()),
        trial: attack.map(|(_, label)| label.into()),
        scope: "forget".into(),
        said,
        back,
        asked: 40,
        guessed: 1.0 / 3.0,
        p_value: 0.015625,
        beyond: said.then_some([-0.05, 0.25]),
        retrained: said.then_some([1, 39]),
        p_retrained: said.then_some(0.5),
    }
}

fn run(name: &str) -> RunView {
    let recovered = vec![
        found(Some(("none", "none")), true, 2),
        found(Some(("relearn", "5 steps")), true, 9),
        found(Some(("relearn", "5 steps")), false, 11),
        found(Some(("prune", "5 steps")), false, 4),
        found(None, true, 10),
    ];
    let attacks = AttackReport {
        schema: AttackReport::SCHEMA.into(),
        attacked: attacked("npo, \"b\"", 0.1),
        retrained: Some(attacked("retrained", 1e-7)),
        recovered,
        ..AttackReport::default()
    };
    RunView { name: name.into(), attacks: Some(attacks), ..support::made_up_run(name, 3) }
}

#[test]
fn every_attempt_has_a_line_for_each_subject_and_way_of_hearing() {
    let text = render_attacks_csv(&Comparison::of_run(run("npo")));
    let subject = r#"npo,"npo, ""b""",forget"#;
    let third = 1.0f64 / 3.0;
    let expected = [
        "run,subject,scope,attack,attempt,heard,back,asked,guessed,p,low,high,p_retrained,steps,queries,forward_tokens,seconds"
            .to_owned(),
        format!("{subject},none,none,said,2,40,{third},0.015625,-0.05,0.25,0.5,0,40,400,0.1"),
        "npo,retrained,forget,none,none,said,1,39,,,,,,0,40,400,0.0000001".to_owned(),
        format!("{subject},relearn,5 steps,said,9,40,{third},0.015625,-0.05,0.25,0.5,5,80,800,0.1"),
        "npo,retrained,forget,relearn,5 steps,said,1,39,,,,,,5,80,800,0.0000001".to_owned(),
        format!("{subject},relearn,5 steps,preferred,11,40,{third},0.015625,,,,5,80,800,0.1"),
        format!("{subject},prune,5 steps,preferred,4,40,{third},0.015625,,,,0,60,600,0.1"),
        format!("{subject},all,,said,10,40,{third},0.015625,-0.05,0.25,0.5,,,,"),
        "npo,retrained,forget,all,,said,1,39,,,,,,,,,".to_owned(),
    ];
    assert_eq!(text.lines().collect::<Vec<_>>(), expected);
    assert!(text.lines().filter(|l| !l.contains('"')).all(|l| l.matches(',').count() == FIELDS - 1));
}

#[test]
fn runs_stand_below_each_other_and_one_that_was_not_attacked_has_no_line() {
    let plain = RunView { attacks: None, ..run("plain") };
    let text = render_attacks_csv(&Comparison::of_runs(vec![run("a"), plain, run("b")]));
    let runs: Vec<&str> = text.lines().skip(1).filter_map(|line| line.split(',').next()).collect();
    assert_eq!(runs, [["a"; 8], ["b"; 8]].concat());
}
