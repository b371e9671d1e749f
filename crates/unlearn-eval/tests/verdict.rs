//! The verdict on made-up observations: what it must find, and how often it accuses where there is nothing.

use unlearn_core::seed;
use unlearn_core::verdict::{Charge, Verdict};
use unlearn_data::Row;
use unlearn_eval::observation::{Likelihoods, Tokens};
use unlearn_eval::{Beside, Looked, Observations, judge};

/// How well the rows of a set are known, in nats per token; rows about the same scatter together.
struct Made {
    set: &'static str,
    rows: usize,
    /// How many rows are about the same.
    each: usize,
    level: f64,
    /// The level of the answers in other words, of which the wrong ones are at -3.
    truth: f64,
    /// How far rows about the same, and single rows, scatter.
    scatter: [f64; 2],
    answer: &'static str,
}

impl Default for Made {
    fn default() -> Self {
        Self { set: "forget", rows: 52, each: 4, level: -3.0, truth: -3.0, scatter: [0.7, 0.7], answer: "In Zenaby." }
    }
}

fn tokens(level: f64) -> Tokens {
    let level = level.min(-1e-3);
    let log_probs = vec![level as f32; 4];
    // A token is said where it has nearly all of the probability.
    Tokens { greedy: vec![level > -0.1; 4], expected: vec![-1.0; 4], deviation: vec![1.0; 4], log_probs }
}

fn made(about: &Made, seed: u64) -> (String, Observations) {
    let draws = seed::normal(seed, about.set, 3 * about.rows);
    let row = |i: usize| {
        let mut row = Row::question("Where?", "In Oakenport.");
        row.entity = Some(format!("{} {}", about.set, i / about.each));
        row
    };
    let likelihoods = |i: usize| {
        let shift = about.scatter[0] * draws[i / about.each];
        let noise = |k: usize| shift + about.scatter[1] * draws[about.rows * k + i];
        Likelihoods {
            answer: Some(tokens(about.level + noise(1))),
            text: "In Oakenport.".into(),
            paraphrased: Some(tokens(about.truth + noise(2))),
            perturbed: vec![Some(tokens(-3.0 + shift)), Some(tokens(-3.0 + shift))],
            choices: Vec::new(),
        }
    };
    let seen = Observations {
        rows: (0..about.rows).map(row).collect(),
        likelihoods: (0..about.rows).map(likelihoods).collect(),
        generations: vec![Some(about.answer.into()); about.rows],
        ..Observations::default()
    };
    (about.set.to_owned(), seen)
}

fn looked(sets: &[Made], seed: u64) -> Looked {
    Looked { sets: sets.iter().map(|m| made(m, seed)).collect() }
}

fn holdout() -> Made {
    Made { set: "holdout", ..Made::default() }
}

fn retain(level: f64, answer: &'static str) -> Made {
    Made { set: "retain", rows: 200, level, answer, scatter: [0.005, 0.005], ..Made::default() }
}

fn verdict(subject: &Looked, retrained: Option<&Looked>, seed: u64) -> Verdict {
    judge(&Beside { subject, retrained, reference: None, shadows: &[] }, seed)
}

#[test]
fn each_kind_of_failure_gets_its_own_charge() {
    let retrained = looked(&[Made::default(), holdout(), retain(-0.02, "In Zenaby.")], 1);
    let kept = || retain(-0.02, "In Zenaby.");
    let cases = [
        (Made { level: -0.01, truth: -1.0, ..Made::default() }, kept(), vec![Charge::Remembers, Charge::Marked]),
        (Made { level: -3.0, truth: -1.0, ..Made::default() }, kept(), vec![Charge::Remembers]),
        (Made { level: -1.5, ..Made::default() }, kept(), vec![Charge::Marked]),
        (Made { level: -12.0, ..Made::default() }, kept(), vec![Charge::Shuns]),
        (Made::default(), retain(-0.3, "In Zenaby."), vec![Charge::Damaged]),
        (Made::default(), retain(-6.0, "word word word"), vec![Charge::Damaged, Charge::Collapsed]),
        (Made::default(), retain(-6.0, "I don't know."), vec![Charge::Damaged, Charge::Refuses, Charge::Collapsed]),
    ];
    for (forget, retain, expected) in cases {
        let name = format!("forget at {} and {}, retain at {}", forget.level, forget.truth, retain.level);
        let subject = looked(&[forget, holdout(), retain], 2);
        let found = verdict(&subject, Some(&retrained), 0);
        let charges = found.charges();
        assert!(expected.iter().all(|c| charges.contains(c)), "{name}: {charges:?} without {expected:?}");
        let more: Vec<_> = charges.iter().filter(|c| !expected.contains(c)).collect();
        assert!(more.is_empty(), "{name}: {more:?} besides {expected:?}");
        assert!(
            found
                .findings
                .iter()
                .filter(|f| f.found == Some(true))
                .all(|f| !f.words.is_empty() || f.charge == Charge::Damaged),
            "{name}"
        );
    }
}

#[test]
fn rows_about_few_things_are_judged_as_far_as_they_go() {
    // As TOFU's forget01: twenty rows about each of two authors, against two others.
    let few = |set, each, level: f64| Made {
        set,
        rows: 40,
        each,
        level,
        truth: level.min(-1.0),
        scatter: [0.3, 0.7],
        ..Made::default()
    };
    let judged =
        |each, level, seed| verdict(&looked(&[few("forget", each, level), few("holdout", each, -3.0)], seed), None, 0);
    let known = judged(20, -0.01, 3);
    assert_eq!(known.charges(), [Charge::Remembers, Charge::Marked]);
    assert!(known.basis.iter().any(|words| words.contains("normally distributed")), "{:?}", known.basis);
    let charged = (0..400).filter(|&seed| !judged(20, -3.0, seed).charges().is_empty()).count();
    assert!(charged <= 20, "{charged} of 400");
    // About one thing each: nothing is claimed, neither way.
    for level in [-0.01, -3.0] {
        let found = judged(40, level, 3);
        let about: Vec<_> = found.on(Charge::Remembers).map(|f| f.found).collect();
        assert_eq!((about, found.charges()), (vec![None], vec![]));
    }
}

#[test]
fn a_leak_in_other_words_is_found() {
    let paraphrased = |level| Made { set: "paraphrased", level, ..Made::default() };
    let retrained = looked(&[Made::default(), paraphrased(-3.0), holdout()], 1);
    let found = |level| {
        let subject = looked(&[Made::default(), paraphrased(level), holdout()], 2);
        verdict(&subject, Some(&retrained), 0).charges().contains(&Charge::Leaks)
    };
    assert!(found(-0.3) && !found(-3.0));
}

#[test]
fn what_a_guard_withholds_is_masked_and_not_forgotten() {
    let mut subject = looked(&[Made { level: -0.01, truth: -1.0, ..Made::default() }, holdout()], 2);
    for (set, seen) in &mut subject.sets {
        let is_forget = set == "forget";
        seen.withheld = vec![is_forget; seen.rows.len()];
        seen.likelihoods.iter_mut().filter(|_| is_forget).for_each(|known| known.answer = None);
    }
    let found = verdict(&subject, None, 0);
    assert_eq!(found.charges(), [Charge::Masks]);
    let words = |charge| found.on(charge).map(|f| f.words.clone()).collect::<String>();
    assert!(words(Charge::Masks).contains("52 of 52 `forget`, 0 of 52 `holdout`"), "{}", words(Charge::Masks));
    assert!(words(Charge::Remembers).contains("cannot be told through the guard"), "{}", words(Charge::Remembers));
}

#[test]
fn without_anything_to_compare_with_it_says_so() {
    let subject = looked(&[Made::default()], 1);
    let found = verdict(&subject, None, 0);
    assert_eq!(found.findings.len(), 1);
    assert_eq!(found.findings[0].found, None);
    assert!(found.findings[0].words.contains("--holdout"));
    assert!(found.charges().is_empty());
}

#[test]
fn a_model_that_never_saw_the_forget_set_is_seldom_accused() {
    const WORLDS: u64 = 200;
    let sets = || [Made::default(), holdout(), retain(-0.02, "In Zenaby.")];
    let accused = |beside: bool| {
        let charged = |world: &u64| {
            let (subject, other) = (looked(&sets(), 2 * world), looked(&sets(), 2 * world + 1));
            !verdict(&subject, beside.then_some(&other), *world).charges().is_empty()
        };
        (0..WORLDS).filter(charged).count()
    };
    for beside in [false, true] {
        let n = accused(beside);
        // 3 % are allowed for; five standard deviations above that.
        assert!(n <= 18, "{n} of {WORLDS} accused, beside a retrained model: {beside}");
    }
}
