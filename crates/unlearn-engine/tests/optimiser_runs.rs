//! Runs with every optimiser, smoothing, average and with folds: the same bytes after an interruption and at any number
//! of threads, the same update whatever the micro-batches.

#[path = "common/policy.rs"]
mod policy;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use policy::{Likelihood, SEED, all, gap_of_all, load, section, sets};
use unlearn_core::recipe::{
    AdapterKind, AverageSection, Averaging, Bytes, Curvature, Optimizer, SmoothSection, Smoothing, SophiaSection,
    TrainSection,
};
use unlearn_engine::train::{
    Micro, Needs, Objective, Plan, Progress, Quantity, Question, Reference, Set, Sets, Term, check_folds, train,
    visited,
};
use unlearn_engine::{EngineError, LanguageModel};

const BOTH: Likelihood = Likelihood { forget: -0.5, retain: 1.0 };

fn cases() -> Vec<(&'static str, TrainSection)> {
    let base = || TrainSection { batch_size: 2, steps: Some(6), shuffle: true, learning_rate: 1e-4, ..section() };
    let with = |optimizer| TrainSection { optimizer, ..base() };
    let sophia = |curvature| {
        let sophia = SophiaSection { curvature, every: 2, ..SophiaSection::default() };
        TrainSection { sophia, ..with(Optimizer::Sophia) }
    };
    let smooth = |kind| TrainSection { smooth: SmoothSection { kind, ..SmoothSection::default() }, ..base() };
    let average = |kind| {
        let average = AverageSection { kind, decay: 0.5, begin: 0.3 };
        TrainSection { average, ..base() }
    };
    let upper = TrainSection {
        layers: toml::Value::from(2).try_into().expect("layers"),
        gradient_checkpointing: true,
        smooth: smooth(Smoothing::Random).smooth,
        ..sophia(Curvature::Gnb)
    };
    let everything = TrainSection {
        adapter: AdapterKind::Lora,
        folds: 3,
        smooth: SmoothSection { kind: Smoothing::Sam, ..SmoothSection::default() },
        average: average(Averaging::Ema).average,
        ..sophia(Curvature::Gnb)
    };
    vec![
        ("adamw", base()),
        ("sgd", with(Optimizer::Sgd)),
        ("sgd with momentum", TrainSection { momentum: 0.9, ..with(Optimizer::Sgd) }),
        ("lion", with(Optimizer::Lion)),
        ("sophia, gnb", sophia(Curvature::Gnb)),
        ("sophia, hutchinson", sophia(Curvature::Hutchinson)),
        ("sam", smooth(Smoothing::Sam)),
        ("random", smooth(Smoothing::Random)),
        ("gradient-penalty", smooth(Smoothing::GradientPenalty)),
        ("ema", average(Averaging::Ema)),
        ("uniform", average(Averaging::Uniform)),
        ("folds", TrainSection { folds: 3, ..base() }),
        ("upper layers", upper),
        ("everything", everything),
    ]
}

/// Trains; with a folder, from its state on and until so many steps were taken.
fn run(section: &TrainSection, state: Option<(&Path, usize)>) -> Result<LanguageModel, EngineError> {
    let sets = if section.folds > 1 { sets().holding_out() } else { sets() };
    let (reference, stop) = (Reference::default(), AtomicBool::new(false));
    let folder = state.map(|(dir, _)| (dir.to_owned(), "the same".to_owned()));
    let plan = Plan {
        train: section,
        seed: SEED,
        sets: &sets,
        reference: &reference,
        state: folder,
        watch: None,
        stop: &stop,
    };
    let (mut model, mut objective) = (load(section), BOTH);
    let mut tell = |progress: Progress<'_>| {
        if let (Progress::Step(step, _), Some((_, until))) = (progress, state) {
            stop.store(step.step == until, Ordering::Relaxed);
        }
        Ok(())
    };
    train(&mut model, &mut objective, &plan, &mut tell)?;
    Ok(model)
}

#[test]
fn interrupted_runs_end_in_the_same_bytes_at_any_number_of_threads() {
    let mut ends: Vec<(&str, Vec<Vec<f32>>)> = Vec::new();
    for (name, section) in cases() {
        let whole = all(&run(&section, None).expect("trains"));
        let dir = tempfile::tempdir().expect("temp dir");
        for until in [1, 3, 5] {
            let error = run(&section, Some((dir.path(), until))).expect_err("interrupted");
            assert!(matches!(error, EngineError::Interrupted { step } if step == until), "{name}: {error}");
        }
        let resumed = all(&run(&section, Some((dir.path(), 0))).expect("trains"));
        assert!(whole == resumed, "{name}: another end after interruptions");
        // A finished run that is read once more ends there too.
        let again = all(&run(&section, Some((dir.path(), 0))).expect("trains"));
        assert!(whole == again, "{name}: another end when read again");
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a thread");
        let alone = pool.install(|| all(&run(&section, None).expect("trains")));
        assert!(whole == alone, "{name}: another end with one thread");
        let uncached = TrainSection { prefix_cache: Bytes(0), ..section.clone() };
        let uncached = all(&run(&uncached, None).expect("trains"));
        assert!(whole == uncached, "{name}: another end without the cached prefix");
        if let Some((same, _)) = ends.iter().find(|(_, end)| *end == whole) {
            panic!("{name} ends as {same}");
        }
        ends.push((name, whole));
    }
}

/// Interrupts in the retain pass of a step: after the gradient, before the estimate of the curvature.
struct Interrupting<'a>(&'a AtomicBool, usize);

impl Objective for Interrupting<'_> {
    fn needs(&self) -> Needs {
        BOTH.needs()
    }
    fn forget(&self, micro: &Micro<'_>) -> Vec<Term> {
        BOTH.forget(micro)
    }
    fn retain(&self, micro: &Micro<'_>) -> Vec<Term> {
        if micro.step.step == self.1 {
            self.0.store(true, Ordering::Relaxed);
        }
        BOTH.retain(micro)
    }
}

#[test]
fn an_interrupted_estimate_is_not_taken_in_twice() {
    for (name, section) in cases().into_iter().filter(|(name, _)| name.starts_with("sophia")) {
        let whole = all(&run(&section, None).expect("trains"));
        let (dir, sets, reference) = (tempfile::tempdir().expect("temp dir"), sets(), Reference::default());
        let stop = AtomicBool::new(false);
        let state = Some((dir.path().to_owned(), "the same".to_owned()));
        let plan =
            Plan { train: &section, seed: SEED, sets: &sets, reference: &reference, state, watch: None, stop: &stop };
        let mut model = load(&section);
        let error = train(&mut model, &mut Interrupting(&stop, 4), &plan, &mut |_| Ok(())).expect_err("interrupted");
        assert!(matches!(error, EngineError::Interrupted { step: 4 }), "{name}: {error}");
        let resumed = all(&run(&section, Some((dir.path(), 0))).expect("trains"));
        assert!(whole == resumed, "{name}: another end");
    }
}

#[test]
fn one_row_at_a_time_is_the_same_update() {
    for (name, section) in cases() {
        // Where a gradient is nearly nothing, its sign and quotients of it make the last digits large.
        if matches!(section.optimizer, Optimizer::Lion) || section.sophia.curvature == Curvature::Hutchinson {
            continue;
        }
        let of = |micro_tokens| all(&run(&TrainSection { micro_tokens, ..section.clone() }, None).expect("trains"));
        let away = gap_of_all(&of(1), &of(1 << 20));
        assert!(away < 2e-4, "{name}: {away}");
    }
}

/// A likelihood on each side, and what the reference says of the retain rows.
struct Compared;

impl Objective for Compared {
    fn needs(&self) -> Needs {
        Needs { reference: vec![(Set::Retain, Quantity::TokenLogProbs)], ..BOTH.needs() }
    }
    fn forget(&self, micro: &Micro<'_>) -> Vec<Term> {
        BOTH.forget(micro)
    }
    fn retain(&self, micro: &Micro<'_>) -> Vec<Term> {
        let gap = micro.token_log_probs() - micro.reference_token_log_probs();
        vec![Term::new("gap", (gap.clone() * gap).sum().div_scalar(micro.totals().tokens()), 1.0)]
    }
}

#[test]
fn rows_that_are_held_out_are_asked_of_the_reference() {
    let section = TrainSection { folds: 2, batch_size: 3, steps: Some(8), shuffle: true, ..section() };
    let sets = sets().holding_out();
    assert_eq!((sets.retain.len(), sets.only_retain().len()), (10, 4));
    let seen = visited(&section, &sets, SEED);
    let held: BTreeSet<usize> = (4..10).filter(|&i| seen[&Set::Retain][i]).collect();
    assert!(!held.is_empty() && held.len() <= 3, "{held:?}");
    assert!(seen[&Set::Forget].iter().all(|s| *s), "each fold's turn comes");
    let mut model = load(&section);
    let needs = Compared.needs();
    let question = Question { visited: seen, ..Question::new(&needs, &sets, 1024) };
    let reference = Reference::ask(&model, &question, &mut |_, _| Ok(())).expect("asks");
    let stop = AtomicBool::new(false);
    let plan =
        Plan { train: &section, seed: SEED, sets: &sets, reference: &reference, state: None, watch: None, stop: &stop };
    let mut gaps = Vec::new();
    let mut tell = |progress: Progress<'_>| {
        if let Progress::Step(step, _) = progress {
            gaps.push(step.terms["gap"]);
        }
        Ok(())
    };
    train(&mut model, &mut Compared, &plan, &mut tell).expect("trains");
    assert!(gaps[0].abs() < 1e-9, "at first the policy is the reference: {}", gaps[0]);
    assert!(gaps[7] > 1e-9);
}

#[test]
fn more_folds_than_rows_or_steps_are_refused() {
    let rows =
        check_folds(&TrainSection { folds: 7, ..section() }, &sets(), SEED).expect_err("seven folds of six rows");
    assert!(rows.to_string().contains("`train.folds = 7`") && rows.to_string().contains("6 forget rows"), "{rows}");
    assert_eq!(rows.hint().as_deref(), Some("lower `train.folds`"));
    let steps = check_folds(&TrainSection { folds: 5, ..section() }, &sets(), SEED).expect_err("four steps");
    assert!(steps.to_string().contains("4 steps"), "{steps}");
    assert!(check_folds(&section(), &Sets::default(), SEED).is_ok());
}
