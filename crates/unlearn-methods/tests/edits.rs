//! The laws of the edits.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use toml::Table;
use unlearn_core::recipe::{Clip, Schedule, TrainSection};
use unlearn_engine::edit::{Bench, loss_on, traced};
use unlearn_engine::tensor::Device;
use unlearn_engine::train::{FineTune, Outcome, Plan, Reads, Reference, Setup, gradient, train};
use unlearn_engine::{EngineError, LanguageModel};
use unlearn_methods::{Made, method};

mod common;

use common::Tiny;

fn section() -> TrainSection {
    TrainSection {
        learning_rate: 2e-3,
        batch_size: 2,
        epochs: 6.0,
        warmup: 0.0,
        schedule: Schedule::Constant,
        clip: Clip::None,
        ..TrainSection::default()
    }
}

/// The model after an edit.
fn edited(tiny: &Tiny, table: &str, state: Option<&Path>) -> Result<(LanguageModel, Outcome), EngineError> {
    let table: Table = table.parse().expect("TOML");
    let Made::Edit(mut edit) = method(&table).expect("valid").0 else { panic!("{table} is no edit") };
    let mut model = tiny.model.clone();
    edit.prepare(&Setup::of(&model, 3))?;
    let (section, stop) = (section(), AtomicBool::new(false));
    let mut bench = Bench {
        train: &section,
        seed: 3,
        sets: &tiny.sets,
        state: state.map(|dir| (dir.to_owned(), "print".to_owned())),
        stop: &stop,
        device: Device::flex(),
        tell: &mut |_| Ok(()),
    };
    let outcome = edit.apply(&mut model, &mut bench)?;
    Ok((model, outcome))
}

fn all(model: &LanguageModel) -> Vec<f32> {
    (0..model.parameters.specs().len()).flat_map(|i| model.parameters.values(i)).collect()
}

fn worst(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(x, y)| (x - y).abs()).fold(0.0, f32::max)
}

/// A folder with a checkpoint of a model.
fn saved(model: &LanguageModel) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("model");
    model.save(&path).expect("saves");
    (dir, path)
}

#[test]
fn a_task_vector_goes_the_other_way() {
    let tiny = Tiny::new();
    let start = all(&tiny.model);
    let mut tuned = tiny.model.clone();
    let (section, reference, stop) = (section(), Reference::default(), AtomicBool::new(false));
    let sets = unlearn_engine::train::Sets::new(tiny.sets.forget.clone(), Vec::new());
    let plan =
        Plan { train: &section, seed: 3, sets: &sets, reference: &reference, state: None, watch: None, stop: &stop };
    train(&mut tuned, &mut FineTune, &plan, &mut |_| Ok(())).expect("trains");
    let of = |lambda: f64| {
        all(&edited(&tiny, &format!("name = 'task-vector'\nlambda = {lambda:?}"), None).expect("edits").0)
    };
    assert_eq!(of(0.0), start);
    assert!(worst(&of(-1.0), &all(&tuned)) < 1e-6);
    let far: Vec<f32> = start.iter().zip(all(&tuned)).map(|(a, b)| a - 2.0 * (b - a)).collect();
    assert!(worst(&of(2.0), &far) < 1e-6);
    let model = edited(&tiny, "name = 'task-vector'", None).expect("edits").0;
    let losses = [&tuned, &tiny.model, &model].map(|m| loss_on(m, &tiny.sets.forget, 1024));
    assert!(losses[0] < losses[1] && losses[1] < losses[2], "{losses:?}");
    // From two checkpoints.
    let ((_a, tuned), (_b, base)) = (saved(&tuned), saved(&tiny.model));
    let by_name = format!("name = 'task-vector'\nlambda = 2.0\ntuned = {tuned:?}\nbase = {base:?}");
    assert!(worst(&all(&edited(&tiny, &by_name, None).expect("edits").0), &far) < 1e-6);
}

#[test]
fn merging() {
    let tiny = Tiny::new();
    let mut others = [Tiny::new(), Tiny::new()];
    others[0].moved(11);
    others[1].moved(12);
    let start = all(&tiny.model);
    let [one, two] = [&others[0], &others[1]].map(|t| all(&t.model));
    let ((_a, first), (_b, second)) = (saved(&others[0].model), saved(&others[1].model));
    let of = |rest: &str, models: &[&PathBuf]| {
        let table = format!("name = 'merge'\nmodels = {models:?}\n{rest}");
        all(&edited(&tiny, &table, None).expect("edits").0)
    };
    assert!(worst(&of("weights = [1.0, 0.0]", &[&first, &second]), &one) < 1e-6);
    let middle: Vec<f32> = one.iter().zip(&two).map(|(a, b)| 0.5 * (a + b)).collect();
    assert!(worst(&of("", &[&first, &second]), &middle) < 1e-6);
    assert!(worst(&of("how = 'ties'\ndensity = 1.0", &[&first]), &one) < 1e-6);
    assert!(worst(&of("how = 'dare'\ndensity = 1.0", &[&first]), &one) < 1e-6);
    // TIES: the mean of the entries with the elected sign.
    let elected: Vec<f32> = start
        .iter()
        .zip(one.iter().zip(&two))
        .map(|(s, (a, b))| {
            let (x, y) = (a - s, b - s);
            s + if x * y > 0.0 {
                0.5 * (x + y)
            } else if x.abs() > y.abs() {
                x
            } else {
                y
            }
        })
        .collect();
    assert!(worst(&of("how = 'ties'\ndensity = 1.0", &[&first, &second]), &elected) < 1e-6);
    // DARE keeps the sum of the differences on average.
    let dropped = of("how = 'dare'\ndensity = 0.3", &[&first]);
    let size = |m: &[f32]| m.iter().zip(&start).map(|(a, b)| f64::from(a - b).abs()).sum::<f64>();
    let kept = dropped.iter().zip(&start).filter(|(a, b)| a != b).count() as f64 / start.len() as f64;
    assert!((kept - 0.3).abs() < 0.03, "{kept}");
    assert!((size(&dropped) / size(&one) - 1.0).abs() < 0.1);
}

#[test]
fn who_without_reinforcement_learns_its_own_first_choice() {
    let tiny = Tiny::new();
    let model = edited(&tiny, "name = 'whp'\nreinforce_epochs = 0.0", None).expect("edits").0;
    // The labels are the model's own best tokens: their likelihood rises, and with it that of nothing else.
    let mut own = tiny.sets.forget.clone();
    let scores = |m: &LanguageModel, rows: &[unlearn_data::TokenRow]| loss_on(m, rows, 1024);
    for row in &mut own {
        for t in 1..row.ids.len() {
            if row.labels[t] < 0 {
                continue;
            }
            let best = (0..31i64).map(|label| {
                let mut one = row.clone();
                one.labels = vec![-100; one.ids.len()];
                one.labels[t] = label;
                (scores(&tiny.model, &[one]), label)
            });
            row.labels[t] = best.min_by(|a, b| a.0.total_cmp(&b.0)).expect("a label").1;
        }
    }
    let mut expected = tiny.model.clone();
    let (section, reference, stop) = (section(), Reference::default(), AtomicBool::new(false));
    let sets = unlearn_engine::train::Sets::new(own, Vec::new());
    let plan =
        Plan { train: &section, seed: 3, sets: &sets, reference: &reference, state: None, watch: None, stop: &stop };
    train(&mut expected, &mut FineTune, &plan, &mut |_| Ok(())).expect("trains");
    assert!(worst(&all(&model), &all(&expected)) < 1e-6);
}

#[test]
fn products_of_a_trace_are_the_gradient() {
    let mut tiny = Tiny::new();
    tiny.moved(7);
    let places: Vec<usize> = unlearn_engine::adapter::linear_layers(&tiny.model.decoder);
    let (section, reference, stop) =
        (TrainSection { batch_size: 3, ..section() }, Reference::default(), AtomicBool::new(false));
    let plan = Plan {
        train: &section,
        seed: 3,
        sets: &tiny.sets,
        reference: &reference,
        state: None,
        watch: None,
        stop: &stop,
    };
    let (rows, view) = plan.forget_rows(0);
    let of = (&tiny.sets, &reference);
    let (loss, traces) =
        traced(&tiny.model, (&rows, &view), of, (&places, 0), &Reads::scores(), |v| v.nll()).expect("traces");
    let (event, gradients) = gradient(&tiny.model, &FineTune, &plan, 0).expect("a gradient");
    assert!((loss - event.loss).abs() < 1e-6);
    for place in places {
        let shape = tiny.model.parameters.specs()[place].shape;
        let product = traces[&place].product(shape, tiny.model.parameters.device());
        assert!(worst(&product, &gradients.0[place]) < 1e-6);
    }
}

const CIR: &str = "name = 'cir'\nretain_rate = 0.0\nactivations = 3\ngradients = 3\nloss_budget = 1e9";

#[test]
fn collapsing_moves_feed_forward_weights_by_the_norm_that_was_asked_for() {
    let tiny = Tiny::new();
    let first = edited(&tiny, &format!("{CIR}\nmax_epochs = 0"), None).expect("edits").0;
    assert_eq!(all(&first), all(&tiny.model), "the first epoch only looks");
    let (model, outcome) =
        edited(&tiny, &format!("{CIR}\nmax_epochs = 1\nunlearning_rate = 0.05"), None).expect("edits");
    // Two updates of norm 0.05.
    assert_eq!(outcome.steps, 4);
    let moved: f64 =
        all(&model).iter().zip(all(&tiny.model)).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>().sqrt();
    assert!(moved > 0.02 && moved <= 0.1 + 1e-5, "{moved}");
    for (i, spec) in tiny.model.parameters.specs().iter().enumerate() {
        let same = model.parameters.values(i) == tiny.model.parameters.values(i);
        assert_eq!(same, !spec.name.contains("mlp"), "{}", spec.name);
    }
    // The budget: what exceeds it is taken back.
    let none = edited(&tiny, "name = 'cir'\nunlearning_rate = 30.0\nloss_budget = 1e-3\nmax_epochs = 3", None);
    assert_eq!(all(&none.expect("edits").0), all(&tiny.model));
}

#[test]
fn selected_representations_go_within_the_budget() {
    let tiny = Tiny::new();
    let table = "name = 'rep-select'\nrank = 4\ndisruption = 0.01";
    let model = edited(&tiny, table, None).expect("edits").0;
    let losses = [&tiny.model, &model].map(|m| loss_on(m, &tiny.sets.forget, 1024));
    assert!(losses[1] > losses[0] + 1e-3, "{losses:?}");
    let wider = edited(&tiny, "name = 'rep-select'\nrank = 4\ndisruption = 0.1", None).expect("edits").0;
    let distance = |m: &LanguageModel| {
        all(m).iter().zip(all(&tiny.model)).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>().sqrt()
    };
    assert!(distance(&wider) > 1.5 * distance(&model));
    // Everything taken out: nothing is left to go along.
    assert!(edited(&tiny, "name = 'rep-select'\nrank = 99\nsoft = false", None).is_err());
}

#[test]
fn one_thread_and_a_resumption_write_the_same_weights() {
    let tiny = Tiny::new();
    let tables = [
        "name = 'task-vector'".to_owned(),
        "name = 'whp'\nreinforce_learning_rate = 1e-3\nretain = 'kl'".to_owned(),
        "name = 'rep-select'\nrank = 4".to_owned(),
        format!("{CIR}\nmax_epochs = 2"),
    ];
    for table in tables {
        let whole = all(&edited(&tiny, &table, None).expect("edits").0);
        assert!(whole.iter().all(|x| x.is_finite()) && whole != all(&tiny.model), "{table}");
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a thread");
        let alone = pool.install(|| all(&edited(&tiny, &table, None).expect("edits").0));
        assert!(alone == whole, "{table}: one thread writes other weights");
        let dir = tempfile::tempdir().expect("a folder");
        for _ in 0..2 {
            let again = all(&edited(&tiny, &table, Some(dir.path())).expect("edits").0);
            assert!(again == whole, "{table}: with a state it writes other weights");
        }
    }
}
