//! Intervals redraw what rows are about, not rows.

use unlearn_core::score::{EvalReport, Subject};
use unlearn_data::Row;
use unlearn_eval::metrics::METRICS;
use unlearn_eval::observation::{Likelihoods, Tokens};
use unlearn_eval::{Beside, EvalSet, Looked, Observations, add_gaps, take};
use unlearn_stats::auc;
use unlearn_stats::bootstrap::{Bootstrap, mean_interval};

/// Rows about each of some people, of whom a subject knows some well and others hardly; what it knows of one person
/// hardly differs from row to row.
const PEOPLE: usize = 8;
const ROWS_OF_PERSON: usize = 12;

fn level(person: usize, row: usize, shift: f32) -> f32 {
    -0.2 - 0.3 * (person % 5) as f32 - 0.003 * row as f32 + shift * (person % 3) as f32
}

fn set(about: &dyn Fn(usize) -> Option<String>, shift: f32) -> Observations {
    let places = || (0..PEOPLE).flat_map(|person| (0..ROWS_OF_PERSON).map(move |row| (person, row)));
    let row = |person| Row { entity: about(person), ..Row::question("Q", "an answer") };
    let answer = |(person, row)| Tokens {
        log_probs: vec![level(person, row, shift)],
        greedy: vec![true],
        expected: vec![-1.0],
        deviation: vec![1.0],
    };
    Observations {
        rows: places().map(|(person, _)| row(person)).collect(),
        likelihoods: places().map(|at| Likelihoods { answer: Some(answer(at)), ..Likelihoods::default() }).collect(),
        ..Observations::default()
    }
}

fn report(about: &dyn Fn(usize) -> Option<String>) -> EvalReport {
    let looked = |shift| Looked {
        sets: [("forget", 0.0_f32), ("holdout", -0.1)].map(|(name, d)| (name.to_owned(), set(about, shift + d))).into(),
    };
    let (subject, retrained) = (looked(0.0), looked(-0.2));
    let sets: Vec<EvalSet> = subject.sets.iter().map(|(n, seen)| EvalSet::new(n.clone(), seen.rows.clone())).collect();
    let all: Vec<_> = METRICS.iter().collect();
    let of = |subject| {
        let beside = Beside { subject, retrained: None, reference: None, shadows: &[] };
        take(&beside, Subject::default(), &all, &sets, 3)
    };
    let mut own = of(&subject);
    add_gaps(&mut own, &subject, &[of(&retrained)], 3);
    own
}

fn width(interval: Option<[f64; 2]>) -> f64 {
    interval.map(|[low, high]| high - low).expect("an interval")
}

fn probabilities(shift: f32) -> Vec<f64> {
    set(&|_| None, shift)
        .likelihoods
        .iter()
        .map(|l| f64::from(l.answer.clone().expect("one").log_probs[0]).exp())
        .collect()
}

#[test]
fn rows_about_few_people_say_less_than_as_many_that_have_nothing_to_do_with_each_other() {
    let (together, alone) = (report(&|person| Some(person.to_string())), report(&|_| None));
    for name in ["forget/probability", "holdout/probability", "mia/loss"] {
        let [together, alone] = [&together, &alone].map(|report| &report.metrics[name]);
        assert_eq!((together.value, together.n), (alone.value, alone.n), "{name}");
        assert!(width(together.interval) > 2.0 * width(alone.interval), "{name}");
    }
    let gap = |report: &EvalReport| report.metrics["forget/probability"].gap.expect("a gap").interval;
    assert!(width(gap(&together)) > 2.0 * width(gap(&alone)));
}

#[test]
fn rows_that_are_about_nothing_in_particular_are_drawn_one_by_one() {
    let alone = report(&|_| None);
    let ours = probabilities(0.0);
    assert_eq!(alone.metrics["forget/probability"].interval, mean_interval(&ours, 3));
    let paired = Bootstrap::seeded(3).paired_difference_interval(&ours, &probabilities(-0.2));
    assert_eq!(alone.metrics["forget/probability"].gap.expect("a gap").interval, paired);
    let losses = |shift| -> Vec<f64> { probabilities(shift).iter().map(|p| -p.ln()).collect() };
    let [low, high] = auc::bootstrap_interval(&losses(0.0), &losses(-0.1), &Bootstrap::seeded(3)).expect("an interval");
    let found = alone.metrics["mia/loss"].interval.expect("an interval");
    assert!((found[0] - low).abs() < 1e-12 && (found[1] - high).abs() < 1e-12);
}

#[test]
fn rows_about_one_person_say_nothing_about_others() {
    let one = report(&|_| Some("Mira".to_owned()));
    let score = &one.metrics["forget/probability"];
    assert!(score.value.is_some() && score.interval.is_none() && score.gap.is_some_and(|gap| gap.interval.is_none()));
}
