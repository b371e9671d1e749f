//! What every method of the registry must keep to.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use serde_json::json;
use toml::Table;
use unlearn_core::recipe::TrainSection;
use unlearn_data::TokenRow;
use unlearn_engine::batch::{TokenBatch, Which};
use unlearn_engine::checkpoint::{Precision, Source};
use unlearn_engine::tensor::scalar;
use unlearn_engine::train::{Gradients, Micro, Objective, Plan, Reference, Totals, train};
use unlearn_engine::{Decoder, LanguageModel, Parameters, Weights, device, families};
use unlearn_methods::{METHODS, MethodError, objective};

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
        for heading in HEADINGS {
            let at = rest.find(&format!("# {heading}\n"));
            let at = at.unwrap_or_else(|| panic!("{}: no heading `{heading}`, or in the wrong place", method.name));
            rest = &rest[at..];
        }
        for field in (method.defaults)().keys() {
            assert!(method.page.contains(&format!("`{field} = ")), "{}: no word on `{field}`", method.name);
        }
    }
}

#[test]
fn defaults_round_trip_and_unknown_fields_are_refused() {
    for method in METHODS {
        let mut given = Table::from_iter([("name".to_owned(), method.name.into())]);
        let (_, resolved) = objective(&given).expect("the defaults are valid");
        let (_, again) = objective(&resolved).expect("what is resolved is valid");
        assert_eq!(resolved, again);
        given.insert("no_such_field".into(), 1.into());
        assert!(matches!(objective(&given), Err(MethodError::UnknownField { .. })), "{}", method.name);
    }
}

/// A two-layer model with random weights, and rows of random tokens.
struct Tiny {
    model: LanguageModel,
    forget: Vec<TokenRow>,
    retain: Vec<TokenRow>,
}

/// Numbers that look random and are the same each time.
fn noise(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) + 1;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1u64 << 53) as f64
    }
}

impl Tiny {
    fn new() -> Self {
        let config = json!({
            "model_type": "llama", "vocab_size": 31, "hidden_size": 16, "intermediate_size": 24,
            "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "hidden_act": "silu",
            "tie_word_embeddings": false, "rms_norm_eps": 1e-5, "max_position_embeddings": 64,
        });
        let decoder = Decoder::new(families::decoder_config(&config, Path::new("config.json")).expect("a llama"));
        let mut draw = noise(1);
        let values = decoder.specs().iter().map(|s| {
            let center = if s.shape[0] == 1 { 1.0 } else { 0.0 };
            (0..s.len()).map(|_| (center + 0.6 * (draw() - 0.5)) as f32).collect()
        });
        let values = values.collect();
        let parameters = Parameters::new(decoder.specs().to_vec(), values, &device::by_name("cpu").expect("cpu"));
        let mut source = Source { config, ..Source::default() };
        for spec in decoder.specs() {
            source.precision.insert(spec.name.clone(), Precision::F32);
        }
        let mut row = |n: usize| {
            let ids: Vec<u32> = (0..n).map(|_| (draw() * 31.0) as u32).collect();
            let labels = ids.iter().enumerate().map(|(i, &id)| if i < n / 3 { -100 } else { i64::from(id) }).collect();
            TokenRow::of_tokens(ids, labels)
        };
        let (forget, retain) = (vec![row(9), row(6), row(12)], vec![row(7), row(11), row(8)]);
        let model = LanguageModel { path: "".into(), decoder, parameters, tokenizer: None, template: None, source };
        Self { model, forget, retain }
    }

    /// The terms of both sides on all rows.
    fn losses(&self, objective: &dyn Objective, weights: &Weights, reference: &Reference) -> Vec<(f64, Loss)> {
        let mut all = Vec::new();
        for (retain, rows) in [(false, &self.forget), (true, &self.retain)] {
            let members: Vec<&TokenRow> = rows.iter().collect();
            let batch = TokenBatch::new(&members, Which::Supervised, self.model.parameters.device());
            let places: Vec<usize> = (0..rows.len()).collect();
            let totals = Totals { tokens: rows.iter().map(TokenRow::supervised).sum(), sequences: rows.len() };
            let micro = Micro::new(&self.model.decoder, weights, &batch, &places, totals, reference);
            let term = if retain { objective.retain(&micro) } else { Some(objective.forget(&micro)) };
            all.extend(term.map(|t| (scalar(t.value.clone().detach()) * t.weight, t.value.mul_scalar(t.weight))));
        }
        all
    }

    fn loss(&self, objective: &dyn Objective, reference: &Reference) -> f64 {
        self.losses(objective, &self.model.parameters.frozen(), reference).iter().map(|(x, _)| x).sum()
    }

    fn gradient(&self, objective: &dyn Objective, reference: &Reference) -> Vec<Vec<f32>> {
        let weights = self.model.parameters.tracked();
        let mut sums = Gradients::new(&self.model.parameters);
        for (_, loss) in self.losses(objective, &weights, reference) {
            let mut tape = loss.backward();
            sums.add(&weights, &mut tape);
        }
        sums.0
    }

    /// A little away from the reference, where no term is at a special point.
    fn moved(&mut self) {
        let mut draw = noise(7);
        for i in 0..self.model.parameters.specs().len() {
            self.model.parameters.update(i, |v| v.iter_mut().for_each(|x| *x += 0.05 * (draw() as f32 - 0.5)));
        }
    }

    fn shift(&mut self, direction: &[Vec<f32>], step: f64) {
        for (i, d) in direction.iter().enumerate() {
            self.model
                .parameters
                .update(i, |v| v.iter_mut().zip(d).for_each(|(x, d)| *x += (step * f64::from(*d)) as f32));
        }
    }
}

type Loss = unlearn_engine::tensor::Tensor<1>;

/// Every method with every retain term that it takes.
fn variants() -> Vec<Table> {
    let mut all = Vec::new();
    for method in METHODS {
        let table = Table::from_iter([("name".to_owned(), toml::Value::from(method.name))]);
        let takes_retain = (method.defaults)().contains_key("retain");
        for retain in if takes_retain { &["nll", "kl", "none"][..] } else { &[""] } {
            let mut table = table.clone();
            if takes_retain {
                table.insert("retain".into(), (*retain).into());
            }
            all.push(table);
        }
    }
    all
}

#[test]
fn gradients_reach_every_parameter_and_agree_with_finite_differences() {
    for table in variants() {
        let (objective, _) = objective(&table).expect("valid");
        let mut tiny = Tiny::new();
        let reference = Reference::ask(&tiny.model, objective.needs(), &tiny.forget, &tiny.retain, 1024);
        tiny.moved();
        let gradient = tiny.gradient(objective.as_ref(), &reference);
        for (spec, g) in tiny.model.parameters.specs().iter().zip(&gradient) {
            assert!(g.iter().all(|x| x.is_finite()), "{table}: {} has a gradient that is not finite", spec.name);
            assert!(g.iter().any(|x| *x != 0.0), "{table}: {} has no gradient", spec.name);
        }
        let norm = gradient.iter().flatten().map(|&x| f64::from(x).powi(2)).sum::<f64>().sqrt();
        // Along the gradient, and along a direction that knows nothing of it.
        let along: Vec<Vec<f32>> =
            gradient.iter().map(|g| g.iter().map(|x| (f64::from(*x) / norm) as f32).collect()).collect();
        let mut draw = noise(3);
        let across: Vec<Vec<f32>> =
            gradient.iter().map(|g| g.iter().map(|_| 0.1 * (draw() as f32 - 0.5)).collect()).collect();
        for direction in [along, across] {
            let products = gradient.iter().flatten().zip(direction.iter().flatten());
            let expected: f64 = products.map(|(g, d)| f64::from(*g) * f64::from(*d)).sum();
            let mut central = |h: f64| {
                tiny.shift(&direction, h);
                let above = tiny.loss(objective.as_ref(), &reference);
                tiny.shift(&direction, -2.0 * h);
                let below = tiny.loss(objective.as_ref(), &reference);
                tiny.shift(&direction, h);
                (above - below) / (2.0 * h)
            };
            // Richardson: the error of second order cancels.
            let (wide, narrow) = (central(0.04), central(0.02));
            let slope = (4.0 * narrow - wide) / 3.0;
            let gap = (slope - expected).abs() / norm.min(expected.abs()).max(0.02 * norm);
            assert!(gap < 5e-3, "{table}: the slope is {slope}, the gradient says {expected}");
        }
    }
}

#[test]
fn a_tiny_run_moves_every_parameter_and_is_the_same_whatever_the_micro_batches() {
    for table in variants() {
        let (objective, _) = objective(&table).expect("valid");
        let run = |micro_tokens: usize| {
            let mut tiny = Tiny::new();
            let reference = Reference::ask(&tiny.model, objective.needs(), &tiny.forget, &tiny.retain, 1024);
            let section = TrainSection {
                learning_rate: 1e-3,
                batch_size: 3,
                steps: Some(4),
                micro_tokens,
                ..TrainSection::default()
            };
            let (forget, retain, stop) = (tiny.forget.clone(), tiny.retain.clone(), AtomicBool::new(false));
            let plan = Plan {
                train: &section,
                seed: 0,
                forget: &forget,
                retain: &retain,
                reference: &reference,
                state: None,
                stop: &stop,
            };
            train(&mut tiny.model, objective.as_ref(), &plan, &mut |_| Ok(())).expect("trains");
            (0..tiny.model.parameters.specs().len()).map(|i| tiny.model.parameters.values(i)).collect::<Vec<_>>()
        };
        let before = Tiny::new().model.parameters;
        let (whole, rows) = (run(1 << 20), run(1));
        for (i, spec) in before.specs().iter().enumerate() {
            assert!(whole[i].iter().zip(before.values(i)).any(|(a, b)| *a != b), "{table}: {} did not move", spec.name);
            let worst = whole[i].iter().zip(&rows[i]).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(worst < 1e-5, "{table}: {} differs by {worst} between micro-batches", spec.name);
        }
    }
}

/// The laws that the cards state for a policy that still is the reference.
#[test]
fn at_the_reference() {
    let tiny = Tiny::new();
    let of = |text: &str| objective(&text.parse().expect("TOML")).expect("valid").0;
    let ask = |o: &dyn Objective| Reference::ask(&tiny.model, o.needs(), &tiny.forget, &tiny.retain, 1024);

    // NPO: (2/β) ln 2, and the gradient of the negated sums' mean.
    let npo = of("name = 'npo'\nbeta = 0.1\nretain = 'none'");
    assert!((tiny.loss(npo.as_ref(), &ask(npo.as_ref())) - 20.0 * 2f64.ln()).abs() < 1e-4);
    let ascent = of("name = 'grad-ascent'");
    let sums = tiny.forget.iter().map(TokenRow::supervised).sum::<usize>() as f64 / tiny.forget.len() as f64;
    let by_sums = tiny.gradient(ascent.as_ref(), &Reference::default());
    let by_npo = tiny.gradient(npo.as_ref(), &ask(npo.as_ref()));
    for (a, b) in by_npo.iter().flatten().zip(by_sums.iter().flatten()) {
        assert!((f64::from(*a) - f64::from(*b) * sums).abs() < 1e-4, "{a} and {b}");
    }

    // KL: nothing, with a gradient of nothing.
    let kl = of("name = 'grad-diff'\ngamma = 0.0\nretain = 'kl'");
    assert!(tiny.loss(kl.as_ref(), &ask(kl.as_ref())).abs() < 1e-6);
    assert!(tiny.gradient(kl.as_ref(), &ask(kl.as_ref())).iter().flatten().all(|g| g.abs() < 1e-6));

    // Gradient difference of a set with itself: nothing.
    let same = Tiny { retain: tiny.forget.clone(), ..Tiny::new() };
    let difference = of("name = 'grad-diff'");
    assert!(same.gradient(difference.as_ref(), &Reference::default()).iter().flatten().all(|g| g.abs() < 1e-6));
}
