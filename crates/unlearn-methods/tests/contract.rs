//! What every method of the registry must keep to.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use toml::Table;
use unlearn_core::recipe::{
    AverageSection, Averaging, Curvature, Optimizer, SmoothSection, Smoothing, SophiaSection, TrainSection,
};
use unlearn_engine::batch::Which;
use unlearn_engine::likelihood::score_rows;
use unlearn_engine::train::{Alternates, Plan, gradient};
use unlearn_methods::{Entry, METHODS, Made, MethodError, method};

/// Headings of a page in the manual.
const HEADINGS: [&str; 6] = ["Idea", "Objective", "Paper", "Reference implementation", "Defaults", "Deviations"];

#[test]
fn names_are_unique_and_are_the_files_names() {
    for (i, method) in METHODS.iter().enumerate() {
        let file = format!("src/{}.rs", method.name.replace('-', "_"));
        assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join(&file).exists(), "{file} is missing");
        assert!(METHODS[..i].iter().all(|m| m.name != method.name), "{} is there twice", method.name);
    }
}

#[test]
fn pages_have_every_heading_in_order() {
    for method in METHODS {
        let mut rest = method.page;
        for mut heading in HEADINGS {
            // A guard has nothing to minimise.
            if (method.kind, heading) == ("guard", "Objective") {
                heading = "Procedure";
            }
            let at = rest.find(&format!("# {heading}\n"));
            let at = at.unwrap_or_else(|| panic!("{}: no heading `{heading}`, or in the wrong place", method.name));
            rest = &rest[at..];
        }
        for field in (method.defaults)().keys() {
            assert!(method.page.contains(&format!("`{field} = ")), "{}: no word on `{field}`", method.name);
        }
    }
}

/// Each method has a recipe for the demo's world and one for TOFU, headed by its command, that asks for it.
#[test]
fn every_method_has_its_recipes() {
    for entry in METHODS {
        for (place, out) in [("demo", ""), ("tofu", "tofu-")] {
            let name = format!("recipes/{place}/{}.toml", entry.name);
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(&name);
            let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{name}: {e}"));
            let command = format!("# unlearn run {name} --out runs/{out}{}\n", entry.name);
            assert!(text.starts_with(&command), "{name} is not headed by `{command}`");
            let recipe = unlearn_core::Recipe::read(Some(&path), &[]).unwrap_or_else(|e| panic!("{name}: {e}"));
            assert_eq!(recipe.method_name().expect("a method"), entry.name, "{name}");
            method(&recipe.method).unwrap_or_else(|e| panic!("{name}: {e}"));
        }
    }
}

#[test]
fn defaults_round_trip_and_unknown_fields_are_refused() {
    for entry in METHODS {
        let mut given = Table::from_iter([("name".to_owned(), entry.name.into())]);
        let (_, resolved) = method(&given).expect("the defaults are valid");
        let (_, again) = method(&resolved).expect("what is resolved is valid");
        assert_eq!(resolved, again);
        given.insert("no_such_field".into(), 1.into());
        assert!(matches!(method(&given), Err(MethodError::UnknownField { .. })), "{}", entry.name);
    }
}

mod common;

use common::steps::section;
use common::{Tiny, noise};

/// Every method with every retain term that it takes.
fn variants() -> Vec<Table> {
    let mut all = Vec::new();
    let is_objective = |entry: &&Entry| matches!((entry.make)(&Table::new()), Ok(Made::Objective(_)));
    for method in METHODS.iter().filter(is_objective) {
        let mut table = Table::from_iter([("name".to_owned(), toml::Value::from(method.name))]);
        if method.name == "elm" {
            table.insert("expert_ids".into(), vec![4, 9].into());
            table.insert("novice_ids".into(), vec![11].into());
            table.insert("eta".into(), 3.0.into());
        }
        if method.name == "jens-un" {
            table.insert("refusal_ids".into(), vec![3, 5].into());
        }
        let defaults = (method.defaults)();
        for retain in if defaults.contains_key("retain") { &["nll", "kl", "hidden", "none"][..] } else { &[""] } {
            let mut table = table.clone();
            if !retain.is_empty() {
                table.insert("retain".into(), (*retain).into());
                // Where a default is 0, or drowns the forget term.
                table.insert("alpha".into(), 1.0.into());
            }
            all.push(table);
        }
    }
    all
}

/// Methods in whose objective something is held: their gradient is no loss's.
const HELD: [&str; 4] = ["wga", "tnpo", "sat-imp", "ce-u"];

#[test]
fn gradients_reach_every_parameter_and_agree_with_finite_differences() {
    for table in variants() {
        let mut tiny = Tiny::new();
        let objective = tiny.objective(&table);
        let reference = tiny.ask(objective.as_ref());
        let start = tiny.model.clone();
        tiny.moved(7);
        let (_, gradient) = tiny.step(objective.as_ref(), &reference);
        for (i, (spec, g)) in tiny.model.parameters.specs().iter().zip(&gradient).enumerate() {
            assert!(g.iter().all(|x| x.is_finite()), "{table}: {} has a gradient that is not finite", spec.name);
            let moves = g.iter().any(|x| *x != 0.0);
            assert_eq!(moves, tiny.reaches(objective.as_ref(), i), "{table}: {} has a gradient: {moves}", spec.name);
        }
        if !HELD.contains(&table["name"].as_str().unwrap_or_default()) {
            // Maxima and bends have points without a slope; one such point in the way says nothing.
            let gap = |(seed, h): (u64, f64)| {
                let mut tiny = Tiny { model: start.clone(), sets: tiny.sets.clone() };
                tiny.moved(seed);
                let (_, gradient) = tiny.step(objective.as_ref(), &reference);
                slope_gap(&mut tiny, &gradient, h, |tiny| tiny.step(objective.as_ref(), &reference).0)
            };
            let mut places = [(7, H), (8, H), (7, 0.06 * H), (8, 0.06 * H), (9, 0.06 * H), (10, 0.06 * H)].into_iter();
            assert!(places.any(|p| gap(p) < TOLERANCE), "{table}: slope and gradient differ by {}", gap((7, H)));
        }
    }
}

/// Losses are sums of float32; differences of eight of them are good to this.
const TOLERANCE: f64 = 2e-4;
/// The step of the differences, along a direction of about unit length.
const H: f64 = 0.005;

/// The largest gap, relative to the gradient, between a gradient's and a loss's slope: along the gradient, and along a
/// direction that knows nothing of it.
fn slope_gap(tiny: &mut Tiny, gradient: &[Vec<f32>], h: f64, loss: impl Fn(&Tiny) -> f64) -> f64 {
    let norm = gradient.iter().flatten().map(|&x| f64::from(x).powi(2)).sum::<f64>().sqrt();
    let along: Vec<Vec<f32>> =
        gradient.iter().map(|g| g.iter().map(|x| (f64::from(*x) / norm) as f32).collect()).collect();
    let mut draw = noise(3);
    let across: Vec<Vec<f32>> =
        gradient.iter().map(|g| g.iter().map(|_| 0.05 * (draw() as f32 - 0.5)).collect()).collect();
    let mut worst = 0f64;
    for direction in [along, across] {
        let products = gradient.iter().flatten().zip(direction.iter().flatten());
        let expected: f64 = products.map(|(g, d)| f64::from(*g) * f64::from(*d)).sum();
        let start = tiny.model.parameters.clone();
        let mut at = |step: f64| {
            tiny.model.parameters = start.clone();
            tiny.shift(&direction, step);
            loss(tiny)
        };
        // Central differences of eighth order: the error of the step is far below that of the numbers.
        let weights = [4.0 / 5.0, -1.0 / 5.0, 4.0 / 105.0, -1.0 / 280.0];
        let mut slope = 0.0;
        for (k, weight) in weights.iter().enumerate() {
            let step = (k + 1) as f64 * h;
            slope += weight * (at(step) - at(-step)) / h;
        }
        tiny.model.parameters = start;
        worst = worst.max((slope - expected).abs() / norm);
    }
    worst
}

/// Where a weight or a target is held, the gradient is that of the loss in which it is a constant.
#[test]
fn what_is_held_has_no_gradient() {
    let (beta, beta2) = (0.7, 0.4);
    type Weight<'a> = &'a dyn Fn(f64, f64) -> f64;
    let weigh: [(&str, Weight<'_>); 4] = [
        ("name = 'wga'\nbeta = 0.7\nretain = 'none'", &|p, _| p.powf(beta)),
        ("name = 'sat-imp'\nbeta1 = 0.7\nbeta2 = 0.4\ngamma = 1.0\nretain = 'none'", &|p, _| {
            p.powf(beta) * (1.0 - p).powf(beta2)
        }),
        ("name = 'tnpo'\nbeta = 0.7\nretain = 'none'", &|p, p0| {
            2.0 * p.powf(beta) / (p.powf(beta) + p0.powf(beta) + 1e-5)
        }),
        ("name = 'tnpo'\nbeta = 0.7\na = 0.4\nretain = 'none'", &|p, p0| {
            2.0 * p.powf(beta + beta2) / (p.powf(beta) + p0.powf(beta) + 1e-5)
        }),
    ];
    for (text, weight) in weigh {
        let mut tiny = Tiny::new();
        let objective = tiny.objective(&text.parse().expect("TOML"));
        let reference = tiny.ask(objective.as_ref());
        let probabilities = |tiny: &Tiny| -> Vec<f64> {
            let scores = score_rows(&tiny.model, &tiny.sets.forget, Which::Supervised, 1024, |_| ());
            scores.concat().iter().map(|&x| f64::from(x).exp()).collect()
        };
        let before = probabilities(&tiny);
        tiny.moved(7);
        let weights: Vec<f64> = probabilities(&tiny).iter().zip(&before).map(|(&p, &p0)| weight(p, p0)).collect();
        let held = |tiny: &Tiny| {
            let sum: f64 = probabilities(tiny).iter().zip(&weights).map(|(p, w)| w * p.ln()).sum();
            sum / weights.len() as f64
        };
        let (loss, gradient) = tiny.step(objective.as_ref(), &reference);
        assert!((loss - held(&tiny)).abs() < 1e-5, "{text}: {loss} and {}", held(&tiny));
        let gap = slope_gap(&mut tiny, &gradient, H, held);
        assert!(gap < TOLERANCE, "{text}: slope and gradient differ by {gap}");
    }

    // CE-U's target is UNDIAL's, asked of the policy as it is, with the true token's score lowered beyond all bounds.
    let mut tiny = Tiny::new();
    let undial = tiny.objective(&"name = 'undial'\nbeta = 1e9".parse().expect("TOML"));
    let ceu = tiny.objective(&"name = 'ce-u'\nignore_first_n_answer_tokens = 0".parse().expect("TOML"));
    let reference = tiny.ask(undial.as_ref());
    let (theirs, ours) = (tiny.step(undial.as_ref(), &reference), tiny.step(ceu.as_ref(), &reference));
    assert!((theirs.0 - ours.0).abs() < 1e-5);
    for (a, b) in theirs.1.iter().flatten().zip(ours.1.iter().flatten()) {
        assert!((a - b).abs() < 1e-6, "{a} and {b}");
    }
}

#[test]
fn a_tiny_run_moves_every_parameter_and_is_the_same_whatever_the_micro_batches_and_threads() {
    for table in variants() {
        same_update(&table);
        let mut before = Tiny::new();
        before.moved(7);
        let whole = Tiny::new().trained(&table, 1 << 20);
        let objective = Tiny::new().objective(&table);
        let cut = Tiny::new().trained(&table, 1);
        for (i, spec) in before.model.parameters.specs().iter().enumerate() {
            let old = before.model.parameters.values(i);
            let moved = whole[i].iter().zip(&old).any(|(a, b)| a != b);
            let decays = old.iter().any(|x| *x != 0.0);
            let reached = before.reaches(objective.as_ref(), i);
            assert!(moved || !reached && decays, "{table}: {} did not move", spec.name);
            let worst = whole[i].iter().zip(&cut[i]).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            // Where a gradient is nearly nothing, the optimiser's division makes its last digits large.
            assert!(worst < 1e-4, "{table}: {} differs by {worst} with one row at a time", spec.name);
        }
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a thread");
        let alone = pool.install(|| Tiny::new().trained(&table, 1 << 20));
        assert!(alone == whole, "{table}: one thread writes other weights");
    }
}

#[test]
fn every_method_goes_with_curvature_smoothing_averages_and_folds() {
    let with = |curvature, kind| TrainSection {
        optimizer: Optimizer::Sophia,
        sophia: SophiaSection { curvature, every: 2, ..SophiaSection::default() },
        smooth: SmoothSection { kind, ..SmoothSection::default() },
        average: AverageSection { kind: Averaging::Uniform, ..AverageSection::default() },
        folds: 2,
        ..section(1 << 20)
    };
    for (table, (curvature, kind)) in variants().iter().zip(
        [(Curvature::Gnb, Smoothing::Sam), (Curvature::Hutchinson, Smoothing::GradientPenalty)].into_iter().cycle(),
    ) {
        let section = with(curvature, kind);
        let layered = || {
            let mut tiny = Tiny::new();
            let kept = tiny.sets.retain_alternates.rows().iter();
            let kept = kept.chain(tiny.sets.forget_alternates.rows().iter().step_by(4)).map(|row| vec![row.clone()]);
            let kept = kept.collect();
            tiny.sets.retain_alternates = Alternates::new(kept, 1);
            tiny.sets = tiny.sets.holding_out();
            tiny
        };
        let mut before = layered();
        before.moved(7);
        let whole = layered().trained_by(table, &section);
        assert!(whole.iter().flatten().all(|x| x.is_finite()), "{table}: not a number");
        let at = before.model.parameters.specs().iter().position(|s| s.name.contains("layers.0")).expect("a layer");
        assert_ne!(whole[at], before.model.parameters.values(at), "{table}: nothing moved");
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a thread");
        let alone = pool.install(|| layered().trained_by(table, &section));
        assert!(alone == whole, "{table}: one thread writes other weights");
    }
}

/// The gradient of a step, cut into micro-batches of one, two and all rows: the same to 1e-5 of its largest value.
fn same_update(table: &Table) {
    let mut tiny = Tiny::new();
    let objective = tiny.objective(table);
    let reference = tiny.ask(objective.as_ref());
    tiny.moved(7);
    let of = |micro_tokens: usize| {
        let (section, stop) = (section(micro_tokens), AtomicBool::new(false));
        let sets = &tiny.sets;
        let plan =
            Plan { train: &section, seed: 0, sets, reference: &reference, state: None, watch: None, stop: &stop };
        gradient(&tiny.model, objective.as_ref(), &plan, 2).expect("a gradient").1.0
    };
    let whole = of(1 << 20);
    let largest = whole.iter().flatten().fold(0f32, |m, x| m.max(x.abs()));
    for micro_tokens in [1, 24, 56] {
        let pairs = of(micro_tokens).into_iter().flatten().zip(whole.iter().flatten());
        let worst = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max) / largest;
        assert!(worst < 1e-5, "{table}: in micro-batches of {micro_tokens} tokens the gradient differs by {worst}");
    }
}
