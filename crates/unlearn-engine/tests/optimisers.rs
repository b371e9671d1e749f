//! Optimisers and smoothed gradients: PyTorch's values (`testdata/optimisers`), and laws.

#[path = "common/policy.rs"]
mod policy;

use policy::{LEARN, Likelihood, all, first_gradient, gap, gap_of_all, load, planned, section, testdata};
use safetensors::SafeTensors;
use serde_json::Value;
use unlearn_core::recipe::{
    AdapterKind, AverageSection, Averaging, Optimizer as Kind, SmoothSection, Smoothing, SophiaSection, TrainSection,
};
use unlearn_engine::LanguageModel;
use unlearn_engine::train::{Memory, RowSizes, Selection, optimizer, train};

const NORM: &str = "model.norm.weight";

fn golden() -> (Value, Vec<u8>) {
    let text = std::fs::read_to_string(testdata("optimisers/optimisers.json")).expect("cases");
    let bytes = std::fs::read(testdata("optimisers/optimisers.safetensors")).expect("tensors");
    (serde_json::from_str(&text).expect("JSON"), bytes)
}

fn floats(bytes: &[u8], name: &str) -> Vec<f32> {
    let file = SafeTensors::deserialize(bytes).expect("safetensors");
    file.tensor(name)
        .expect(name)
        .data()
        .chunks_exact(4)
        .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
        .collect()
}

fn place(model: &LanguageModel, name: &str) -> usize {
    model.parameters.specs().iter().position(|s| s.name == name).expect(name)
}

/// A model of which only the 32 values of the last norm are trained, and its gradients with given values there.
fn norm_only(section: TrainSection) -> (TrainSection, LanguageModel, impl Fn(&[f32]) -> Vec<Vec<f32>>) {
    let section = TrainSection { parameters: vec![NORM.into()], ..section };
    let model = load(&section);
    let (at, n) = (place(&model, NORM), model.parameters.specs().len());
    let gradients = move |values: &[f32]| {
        let mut all = vec![Vec::new(); n];
        all[at] = values.to_vec();
        all
    };
    (section, model, gradients)
}

#[test]
fn five_steps_are_pytorchs() {
    let (cases, bytes) = golden();
    let (gradients, curvatures) = (floats(&bytes, "gradients"), floats(&bytes, "curvatures"));
    let rate = cases["learning_rate"].as_f64().expect("a rate");
    for (name, fields) in cases["cases"].as_object().expect("cases") {
        let case: TrainSection = serde_json::from_value(fields.clone()).expect("a section");
        let (section, mut model, of) = norm_only(case);
        let mut optimizer = optimizer(&section, &model.parameters);
        let before = model.parameters.values(place(&model, NORM));
        for (step, gradient) in gradients.chunks_exact(32).enumerate() {
            assert_eq!(optimizer.wanted().is_some(), name == "sophia" && step % 2 == 0, "{name}");
            if let Some(curvature) = curvatures.chunks_exact(32).nth(step / 2).filter(|_| step % 2 == 0) {
                optimizer.observe(&of(curvature));
            }
            // Twice the gradient at half the scale.
            let doubled: Vec<f32> = gradient.iter().map(|g| 2.0 * g).collect();
            optimizer.step(&mut model.parameters, &of(&doubled), 0.5, rate);
        }
        let after = model.parameters.values(place(&model, NORM));
        let away = gap(&after, &floats(&bytes, &format!("after.{name}")));
        assert!(away < 1e-6, "{name} is {away} away");
        assert!(gap(&after, &before) > 1e-3, "{name} did not move");
    }
}

fn smooth(kind: Smoothing, rho: f64) -> SmoothSection {
    SmoothSection { kind, rho, penalty: 0.5, ..SmoothSection::default() }
}

#[test]
fn smoothed_gradients_are_pytorchs() {
    let (cases, bytes) = golden();
    let model = load(&section());
    let of = |kind, rho| first_gradient(&model, &TrainSection { smooth: smooth(kind, rho), ..section() }, LEARN);
    let plain = of(Smoothing::None, 1.0);
    let norm = cases["norm"].as_f64().expect("a norm");
    assert!((plain.norm() / norm - 1.0).abs() < 1e-6, "{} is not {norm}", plain.norm());
    let sam = of(Smoothing::Sam, cases["rho"].as_f64().expect("rho"));
    let penalised = [1e-3, 3e-4].map(|rho| of(Smoothing::GradientPenalty, rho));
    for name in cases["kept"].as_array().expect("names").iter().map(|n| n.as_str().expect("a name")) {
        let at = place(&model, name);
        let spec = &model.parameters.specs()[at];
        let expected = |kind: &str| spec.from_disk(floats(&bytes, &format!("{kind}.{name}")));
        let away = [gap(&plain.0[at], &expected("plain")), gap(&sam.0[at], &expected("sam"))];
        // PyTorch's own float32 gradients are up to 3.4e-6 away from these, which are float64's.
        assert!(away[0] < 5e-6 && away[1] < 1e-5, "{name}: {away:?}");
        assert!(gap(&sam.0[at], &plain.0[at]) > 1e-3, "{name}: the place did not matter");
        // A difference over ρ is as far from the product as ρ is long.
        let [coarse, fine] = penalised.each_ref().map(|penalised| {
            let product = penalised.0[at].iter().zip(&plain.0[at]).map(|(a, b)| (a - b) / 0.5);
            gap(&product.collect::<Vec<f32>>(), &expected("product"))
        });
        assert!(fine < 0.02 && (2.5..4.5).contains(&(coarse / fine)), "{name}: H g/|g| is {coarse}, {fine} away");
    }
}

#[test]
fn weights_are_untouched_and_no_radius_is_no_smoothing() {
    for adapter in [AdapterKind::None, AdapterKind::Lora] {
        let section = TrainSection { adapter, ..section() };
        let model = load(&section);
        let before = all(&model);
        let of =
            |kind, rho| first_gradient(&model, &TrainSection { smooth: smooth(kind, rho), ..section.clone() }, LEARN);
        let plain = of(Smoothing::None, 1.0);
        for kind in [Smoothing::Sam, Smoothing::Random] {
            let away = gap_of_all(&of(kind, 1e-9).0, &plain.0);
            // A weight that moves by its last digit changes the gradient by what rounding does to it: see above.
            assert!(away < 5e-6, "{kind:?}: {away}");
            assert!(gap_of_all(&of(kind, 0.1).0, &plain.0) > 1e-4, "{kind:?}");
        }
        of(Smoothing::GradientPenalty, 0.1);
        assert_eq!(all(&model), before);
    }
}

#[test]
fn retain_gradients_are_not_smoothed() {
    let model = load(&section());
    let both = Likelihood { forget: -1.0, retain: 2.0 };
    let plain = first_gradient(&model, &section(), Likelihood { forget: 0.0, ..both });
    for kind in [Smoothing::Sam, Smoothing::Random, Smoothing::GradientPenalty] {
        let section = TrainSection { smooth: smooth(kind, 0.05), ..section() };
        let mut sum = first_gradient(&model, &section, both);
        let forget = first_gradient(&model, &section, Likelihood { retain: 0.0, ..both });
        for (sum, forget) in sum.0.iter_mut().zip(&forget.0) {
            sum.iter_mut().zip(forget).for_each(|(s, f)| *s -= f);
        }
        let away = gap_of_all(&sum.0, &plain.0);
        assert!(away < 1e-5, "{kind:?}: {away}");
    }
}

#[test]
fn sophia_solves_a_quadratic_at_once_and_never_moves_further_than_the_rate() {
    let sophia = SophiaSection { rho: 1.0, beta1: 0.0, beta2: 0.0, ..SophiaSection::default() };
    let case = TrainSection { optimizer: Kind::Sophia, weight_decay: 0.0, sophia, ..section() };
    let (section, mut model, of) = norm_only(case);
    let at = place(&model, NORM);
    // ½ Σ h x², from within the clip's reach.
    let x: Vec<f32> = (0..32).map(|i| (i as f32 - 15.5) / 20.0).collect();
    let h: Vec<f32> = (0..32).map(|i| 0.1 + i as f32).collect();
    model.parameters.update(at, |values| values.copy_from_slice(&x));
    let slope: Vec<f32> = x.iter().zip(&h).map(|(x, h)| x * h).collect();
    let mut optimizer = optimizer(&section, &model.parameters);
    optimizer.observe(&of(&h));
    optimizer.step(&mut model.parameters, &of(&slope), 1.0, 1.0);
    let worst = model.parameters.values(at).iter().fold(0f32, |m, x| m.max(x.abs()));
    assert!(worst < 1e-6, "{worst} away from the minimum");
    // Little curvature, none, and a negative one.
    let before = model.parameters.values(at);
    optimizer.observe(&of(&(0..32).map(|i| (i as f32 - 16.0) * 1e-3).collect::<Vec<_>>()));
    optimizer.step(&mut model.parameters, &of(&slope), 1.0, 0.25);
    let moved = model.parameters.values(at).iter().zip(&before).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!((moved - 0.25).abs() < 1e-6, "moved by {moved}");
}

/// The weights after training for so many steps.
fn trained(section: &TrainSection, steps: usize) -> Vec<Vec<f32>> {
    let section = TrainSection { steps: Some(steps), ..section.clone() };
    let mut model = load(&section);
    let mut learn = LEARN;
    planned(&section, |plan| train(&mut model, &mut learn, plan, &mut |_| Ok(())).expect("trains"));
    all(&model)
}

#[test]
fn averages_are_of_the_weights_after_each_step() {
    let averaged = |kind, begin, rate| {
        let average = AverageSection { kind, decay: 0.75, begin };
        trained(&TrainSection { average, learning_rate: rate, ..section() }, 4)
    };
    let passed: Vec<Vec<f32>> = (1..=4).map(|n| trained(&section(), n).concat()).collect();
    let mix = |weights: [f32; 4]| -> Vec<f32> {
        (0..passed[0].len()).map(|i| (0..4).map(|n| weights[n] * passed[n][i]).sum()).collect()
    };
    for (kind, begin, weights) in [
        (Averaging::Uniform, 0.0, [0.25; 4]),
        (Averaging::Uniform, 0.5, [0.0, 0.0, 0.5, 0.5]),
        (Averaging::Ema, 0.0, [0.421_875, 0.140_625, 0.1875, 0.25]),
        (Averaging::None, 0.0, [0.0, 0.0, 0.0, 1.0]),
    ] {
        let away = gap(&averaged(kind, begin, 1e-3).concat(), &mix(weights));
        assert!(away < 1e-6, "{kind:?} from {begin}: {away}");
        let still = TrainSection { learning_rate: 0.0, ..section() };
        assert_eq!(averaged(kind, begin, 0.0), trained(&still, 4), "{kind:?}");
    }
    assert!(gap(&passed[0], &passed[3]) > 1e-4, "nothing was learnt");
}

#[test]
fn memory_counts_the_state_of_each_optimiser() {
    let model = load(&section());
    let bytes = |section: TrainSection| {
        let selection = Selection::new(&section, &model.decoder).expect("a selection");
        let rows = RowSizes { longest: 8, supervised: 0.5 };
        Memory::of(&model.decoder, &selection, &section, 4.0, rows).training
    };
    let values = 4.0 * model.parameters.count() as f64;
    let with = |optimizer| TrainSection { optimizer, ..section() };
    let plain = bytes(with(Kind::Sgd));
    let averaged = AverageSection { kind: Averaging::Ema, ..AverageSection::default() };
    for (section, more) in [
        (with(Kind::Adamw), 2.0),
        (TrainSection { momentum: 0.9, ..with(Kind::Sgd) }, 1.0),
        (with(Kind::Lion), 1.0),
        // Its state, and the squares beside the gradient.
        (with(Kind::Sophia), 3.0),
        (TrainSection { average: averaged, ..with(Kind::Sgd) }, 1.0),
        (TrainSection { smooth: smooth(Smoothing::GradientPenalty, 0.1), ..with(Kind::Sgd) }, 2.0),
        (TrainSection { smooth: smooth(Smoothing::Sam, 0.1), ..with(Kind::Sgd) }, 1.0),
    ] {
        assert!((bytes(section.clone()) - plain - more * values).abs() < 1.0, "{section:?}");
    }
}
