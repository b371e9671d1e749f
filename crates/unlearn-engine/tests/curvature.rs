//! Sophia's estimates of the curvature: what they are on average, and what they do not depend on.

#[path = "common/policy.rs"]
mod policy;

use std::sync::atomic::AtomicBool;

use policy::{LEARN, Likelihood, SEED, all, first_gradient, gap_of_all, load, planned, row, section, sets};
use unlearn_core::recipe::{AdapterKind, Curvature, SophiaSection, TrainSection};
use unlearn_data::TokenRow;
use unlearn_engine::LanguageModel;
use unlearn_engine::train::{Plan, Reference, Sets, curvature, gradient};

/// Only the 32 values of the last norm are trained.
fn small() -> TrainSection {
    TrainSection { parameters: vec!["model.norm.weight".into()], steps: Some(100_000), ..section() }
}

fn only(all: Vec<Vec<f32>>) -> Vec<f32> {
    all.into_iter().find(|values| !values.is_empty()).expect("one parameter")
}

/// The mean of estimates over steps with the same rows.
fn mean(model: &LanguageModel, plan: &Plan<'_>, kind: Curvature, steps: usize) -> Vec<f64> {
    let mut mean = vec![0.0; 32];
    for step in 0..steps {
        let estimate = only(curvature(model, &LEARN, plan, (kind, step)).expect("an estimate").0);
        mean.iter_mut().zip(estimate).for_each(|(m, x)| *m += f64::from(x) / steps as f64);
    }
    mean
}

fn relative(ours: &[f64], theirs: &[f64]) -> f64 {
    let norm = |v: &mut dyn Iterator<Item = f64>| v.map(|x| x * x).sum::<f64>().sqrt();
    norm(&mut ours.iter().zip(theirs).map(|(a, b)| a - b)) / norm(&mut theirs.iter().copied())
}

#[test]
fn hutchinsons_mean_is_the_hessians_diagonal() {
    let section = small();
    let mut model = load(&section);
    let at = model.parameters.trained()[0];
    let h = 3e-3f32;
    let exact: Vec<f64> = (0..32)
        .map(|k| {
            let mut slope = |by: f32| {
                model.parameters.update(at, |values| values[k] += by);
                only(first_gradient(&model, &section, LEARN).0)[k]
            };
            let (ahead, behind) = (slope(h), slope(-2.0 * h));
            slope(h);
            f64::from(ahead - behind) / f64::from(2.0 * h)
        })
        .collect();
    let estimate = planned(&section, |plan| mean(&model, plan, Curvature::Hutchinson, 400));
    let away = relative(&estimate, &exact);
    assert!(away < 0.15, "{away} away: {estimate:?} instead of {exact:?}");
}

#[test]
fn the_sampled_labels_mean_is_the_gauss_newton_diagonal() {
    let section = small();
    let model = load(&section);
    // Two rows with two supervised tokens each.
    let short = |i: u32| {
        let whole = row(i);
        TokenRow::of_tokens(whole.ids[..5].to_vec(), whole.labels[..5].to_vec())
    };
    let rows = [short(0), short(1)];
    let stop = AtomicBool::new(false);
    let reference = Reference::default();
    let run = |sets: &Sets, ask: &dyn Fn(&Plan<'_>) -> Vec<f64>| {
        ask(&Plan { train: &section, seed: SEED, sets, reference: &reference, state: None, watch: None, stop: &stop })
    };
    // Σ over tokens and labels of p(label) · (∂ log p(label))², over the tokens.
    let mut exact = vec![0.0; 32];
    for (row, at) in rows.iter().flat_map(|row| [(row, 3), (row, 4)]) {
        for label in 0..96 {
            let mut labels = vec![-100; 5];
            labels[at] = label;
            let sets = Sets::new(vec![TokenRow::of_tokens(row.ids.clone(), labels)], Vec::new());
            let squares = run(&sets, &|plan| {
                let (event, slope) = gradient(&model, &LEARN, plan, 0).expect("a gradient");
                only(slope.0).iter().map(|&g| (-event.loss).exp() * f64::from(g).powi(2)).collect()
            });
            exact.iter_mut().zip(squares).for_each(|(sum, x)| *sum += x / 4.0);
        }
    }
    let sets = Sets::new(rows.to_vec(), Vec::new());
    let estimate = run(&sets, &|plan| mean(&model, plan, Curvature::Gnb, 1500));
    let away = relative(&estimate, &exact);
    assert!(away < 0.08, "{away} away: {estimate:?} instead of {exact:?}");
}

#[test]
fn estimates_depend_neither_on_micro_batches_nor_on_threads() {
    let both = Likelihood { forget: -1.0, retain: 1.0 };
    for (kind, adapter) in [
        (Curvature::Gnb, AdapterKind::None),
        (Curvature::Gnb, AdapterKind::Lora),
        (Curvature::Hutchinson, AdapterKind::None),
    ] {
        let of = |micro_tokens, threads, step| {
            let sophia = SophiaSection { radius: 0.05, ..SophiaSection::default() };
            let section = TrainSection { micro_tokens, adapter, sophia, ..section() };
            let mut model = load(&section);
            // Away from the start, where the adapters' B is zero.
            for i in model.parameters.trained() {
                model.parameters.update(i, |v| v.iter_mut().enumerate().for_each(|(k, x)| *x += 1e-3 * (k % 7) as f32));
            }
            let before = all(&model);
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
            let estimate = |plan: &Plan<'_>| curvature(&model, &both, plan, (kind, step)).expect("an estimate").0;
            let estimate = pool.install(|| planned(&section, estimate));
            assert!(all(&model) == before, "the weights moved");
            estimate
        };
        let whole = of(1 << 20, 2, 0);
        assert!(whole == of(1 << 20, 1, 0), "{kind:?}: one thread estimates otherwise");
        assert!(kind != Curvature::Gnb || whole.iter().flatten().all(|h| *h >= 0.0), "a square is negative");
        let away = gap_of_all(&of(1, 2, 0), &whole);
        assert!(away < if kind == Curvature::Gnb { 1e-5 } else { 1e-2 }, "{kind:?}, {adapter:?}: {away}");
        assert!(gap_of_all(&of(1 << 20, 2, 1), &whole) > 1e-2, "{kind:?}: every step draws the same");
    }
    assert_eq!(sets().only_retain().len(), 4);
}
