//! What holds of every attack, on the golden metrics' model.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use toml::Table;
use unlearn_core::attack::{Cost, Outcome, Trial};
use unlearn_core::recipe::ChatSection;
use unlearn_data::{Row, read};
use unlearn_engine::{EngineError, LanguageModel, checkpoint, device};
use unlearn_eval::EvalError;
use unlearn_eval::attacks::{ATTACKS, Bench, Budget, SUITES, Scope, chosen, with_wrong_answers};
use unlearn_eval::observe::Effort;

const HEADINGS: [&str; 5] = ["# Idea", "# Procedure", "# Paper", "# Reference implementation", "# Defaults"];

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/golden/metrics")
}

fn model() -> LanguageModel {
    LanguageModel::read(&golden().join("model"), &device::by_name("cpu").expect("cpu")).expect("the golden model")
}

fn rows(name: &str, n: usize) -> Vec<Row> {
    let rows = read::rows(&golden().join(format!("{name}.jsonl")), None).expect("rows");
    with_wrong_answers(&rows[..n])
}

/// Settings that make each attack short.
fn short(name: &str) -> Table {
    let text = match name {
        "relearn" => "learning_rates = [1e-3]\nlooks = [1, 2]",
        "relearn-benign" => "learning_rates = [1e-3]\nlooks = [1, 2]\nrows = 4",
        "quantise" => "formats = ['q8_0', '4-bit', '3-bit-rows']",
        "prune" => "shares = [0.3]\nrows = 2",
        "truncate" => "ranks = [1, 2]",
        "prompts" => "",
        "in-context" => "shots = [1, 2]",
        "sample" => "samples = 3\ntemperatures = [0.5, 1.0]",
        "branch" => "branches = [2, 3]",
        "gcg" => "init = 'x x x'\nsteps = 2\nsearch_width = 6\ntop_k = 8\nrows = 2",
        "autoprompt" => "init = 'x x x'\nsteps = 2\ncandidates = 3\nrows = 2",
        "random-search" => "init = 'x x x'\nsteps = 2\nsearch_width = 4\nrows = 2",
        "soft-prompt" => "init = 'x x x'\nsteps = 2\nrows = 2",
        "logit-lens" | "tuned-lens" | "probe" | "steer" | "ablate" | "patch" => "",
        other => panic!("`{other}` is not tried here"),
    };
    text.parse().expect("TOML")
}

/// The golden model with one layer's weights a little larger: what the model was before.
fn reference() -> &'static Path {
    static MADE: OnceLock<tempfile::TempDir> = OnceLock::new();
    let made = MADE.get_or_init(|| {
        let (dir, mut other) = (tempfile::tempdir().expect("a scratch folder"), model());
        for i in 0..other.parameters.specs().len() {
            if other.parameters.specs()[i].is_linear() && other.parameters.specs()[i].layer == Some(0) {
                other.parameters.update(i, |values| values.iter_mut().for_each(|w| *w *= 1.05));
            }
        }
        other.save(&dir.path().join("model")).expect("saved");
        dir
    });
    Box::leak(made.path().join("model").into_boxed_path())
}

/// What one attack brings back of the golden model.
fn outcome(
    name: &str,
    (budget, state): (Budget, Option<&Path>),
    stop_at: Option<usize>,
) -> (Result<(), EvalError>, Outcome) {
    beside(reference(), name, (budget, state), stop_at)
}

fn beside(
    reference: &Path,
    name: &str,
    (budget, state): (Budget, Option<&Path>),
    stop_at: Option<usize>,
) -> (Result<(), EvalError>, Outcome) {
    let model = model();
    let chat = ChatSection::default();
    let encoder = model.encoder(&chat);
    let scopes = [Scope { name: "forget".into(), rows: rows("forget", 6) }];
    let retain = rows("retain", 6);
    let stop = AtomicBool::new(false);
    let attempts = Cell::new(0);
    let tell = |told: unlearn_eval::attacks::Told<'_>| {
        if matches!(told, unlearn_eval::attacks::Told::Progress(..)) {
            attempts.set(attempts.get() + 1);
            if stop_at.is_some_and(|at| attempts.get() >= at) {
                stop.store(true, Ordering::Relaxed);
            }
        }
    };
    let mut bench = Bench::new(name, (&model, &encoder, &chat), (&scopes, &retain), (&stop, &tell));
    bench.budget = budget;
    bench.reference = Some(reference);
    bench.effort = Effort { max_new_tokens: 12, ..Effort::default() };
    bench.seed = 7;
    bench.state = state.map(|dir| (dir.to_owned(), "this run".to_owned()));
    let own = BTreeMap::from([(name.to_owned(), short(name))]);
    let made = chosen(None, &[name.to_owned()], &own).expect("an attack");
    let run = made[0].1.run(&mut bench);
    (run, bench.finish())
}

/// An outcome without what differs from run to run.
fn timeless(outcome: Outcome) -> Outcome {
    let still = |trial: Trial| {
        let mut trial = trial;
        trial.cost.seconds = 0.0;
        trial
    };
    Outcome { trials: outcome.trials.into_iter().map(still).collect(), ..outcome }
}

/// An outcome without its costs.
fn free(outcome: Outcome) -> Outcome {
    let trials = outcome.trials.into_iter().map(|trial| Trial { cost: Cost::default(), ..trial }).collect();
    Outcome { trials, ..outcome }
}

fn whole(name: &str) -> Outcome {
    let (run, outcome) = outcome(name, (Budget::default(), None), None);
    run.unwrap_or_else(|e| panic!("{name}: {e}"));
    timeless(outcome)
}

#[test]
fn every_attack_is_one_file_under_its_name_with_a_page_and_its_own_fields() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/attacks");
    for attack in ATTACKS {
        let file = sources.join(format!("{}.rs", attack.name.replace('-', "_")));
        let source = std::fs::read_to_string(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        assert!(source.starts_with(&format!("//! `{}`\n", attack.name)), "{}", attack.name);
        let mut from = 0;
        for heading in HEADINGS {
            let at = attack.page[from..].find(heading);
            from += at.unwrap_or_else(|| panic!("{}: `{heading}` is missing or out of order", attack.name));
        }
        let defaults = (attack.defaults)();
        assert!((attack.make)(&defaults).is_ok(), "{}: its defaults go round", attack.name);
        let mut wrong = defaults.clone();
        wrong.insert("no-such-field".into(), 1.into());
        let error = (attack.make)(&wrong).err().expect("refused").to_string();
        assert!(error.contains(&format!("attack.{}.no-such-field", attack.name)), "{error}");
    }
    let names: BTreeSet<&str> = ATTACKS.iter().map(|a| a.name).collect();
    assert_eq!(names.len(), ATTACKS.len(), "each name once");
}

#[test]
fn suites_name_attacks_and_set_fields_that_exist() {
    for suite in SUITES {
        let made = chosen(Some(suite.name), &[], &BTreeMap::new()).expect(suite.name);
        assert_eq!(made.len(), suite.attacks.len());
        for ((_, changes), (name, _, resolved)) in suite.attacks.iter().zip(&made) {
            let changes: Table = changes.parse().unwrap_or_else(|e| panic!("{}: {name}: {e}", suite.name));
            for (field, value) in changes {
                assert_eq!(resolved.get(&field), Some(&value), "{}: {name}.{field}", suite.name);
            }
        }
    }
}

#[test]
fn every_attack_makes_attempts_the_same_each_time_and_leaves_the_subject_alone() {
    let before = checkpoint::digest(&golden().join("model")).expect("a digest");
    for attack in ATTACKS {
        let one = whole(attack.name);
        assert!(!one.trials.is_empty(), "{}", attack.name);
        for trial in &one.trials {
            let caught = &trial.scopes["forget"];
            let heard = caught.said.iter().chain(&caught.chosen).flatten().count();
            assert!(heard > 0, "{}: {}", attack.name, trial.label);
        }
        let spent = one.trials.iter().fold(Cost::default(), |sum, trial| sum + trial.cost);
        assert!(spent.queries > 0 && spent.forward_tokens > 0, "{}", attack.name);
        assert_eq!(one, whole(attack.name), "{}", attack.name);
    }
    assert_eq!(before, checkpoint::digest(&golden().join("model")).expect("a digest"));
}

#[test]
fn every_attack_is_interrupted_and_goes_on_to_the_same() {
    for attack in ATTACKS {
        let expected = whole(attack.name);
        for stop_at in [1, 3, 8] {
            let dir = tempfile::tempdir().expect("a scratch folder");
            let (run, _) = outcome(attack.name, (Budget::default(), Some(dir.path())), Some(stop_at));
            if let Err(e) = run {
                assert!(matches!(e, EvalError::Engine(EngineError::Interrupted { .. })), "{}: {e}", attack.name);
            }
            let (run, resumed) = outcome(attack.name, (Budget::default(), Some(dir.path())), None);
            run.unwrap_or_else(|e| panic!("{}: {e}", attack.name));
            // What was begun and not ended was paid for twice.
            assert_eq!(free(resumed), free(expected.clone()), "{}, stopped at {stop_at}", attack.name);
        }
    }
}

#[test]
fn every_attack_stops_at_its_budget() {
    for attack in ATTACKS {
        let all = whole(attack.name);
        let nothing = Budget { queries: Some(0), ..Budget::default() };
        let (run, none) = outcome(attack.name, (nothing, None), None);
        assert!(run.is_ok() && none.trials.is_empty(), "{}: {:?}", attack.name, none.trials.len());
        assert_eq!(none.ended_by.as_deref(), Some("queries"), "{}", attack.name);
        if all.trials.len() > 1 {
            let first = Budget { queries: Some(1), ..Budget::default() };
            let (run, one) = outcome(attack.name, (first, None), None);
            assert!(run.is_ok() && one.trials.len() < all.trials.len(), "{}", attack.name);
        }
        let over = Budget { seconds: Some(0.0), ..Budget::default() };
        let (run, none) = outcome(attack.name, (over, None), None);
        assert!(run.is_ok() && none.trials.is_empty(), "{}", attack.name);
        assert_eq!(none.ended_by.as_deref(), Some("seconds"), "{}", attack.name);
    }
    let (run, relearned) = outcome("relearn", (Budget { steps: Some(2), ..Budget::default() }, None), None);
    run.expect("relearns");
    let steps: u64 = relearned.trials.iter().map(|t| t.cost.steps).sum();
    assert_eq!((steps, relearned.ended_by.as_deref()), (2, Some("steps")));
}

#[test]
fn what_a_model_knows_is_heard_and_wrong_answers_are_not() {
    let sampled = whole("sample");
    let caught = &sampled.trials[0].scopes["forget"];
    let heard: Vec<_> = caught.said.iter().flatten().collect();
    let truths = heard.iter().filter(|h| h.truth).count();
    let wrong: usize = heard.iter().flat_map(|h| &h.wrong).filter(|w| **w).count();
    // The golden model was trained on these rows.
    assert!(2 * truths >= heard.len() && wrong < truths, "{truths} true and {wrong} wrong of {}", heard.len());
}

#[test]
fn in_the_reference_itself_nothing_changed() {
    let itself = |name: &str| {
        let (run, outcome) = beside(&golden().join("model"), name, (Budget::default(), None), None);
        run.unwrap_or_else(|e| panic!("{name}: {e}"));
        outcome
    };
    assert!(itself("truncate").trials.iter().all(|t| t.numbers["left"] == 0.0));
    let changed = |outcome: Outcome| -> Vec<f64> {
        outcome.trials.iter().filter_map(|t| t.numbers.get("codes-changed").copied()).collect()
    };
    let (none, some) = (changed(itself("quantise")), changed(whole("quantise")));
    assert!(none.len() == 2 && none.iter().all(|share| *share == 0.0), "{none:?}");
    // A whole layer that grows alike keeps its codes: scales grow with it.
    assert!(some.iter().all(|share| *share < 0.01), "{some:?}");
}
