//! A golden model, a few rows and an objective with two sides.

#![allow(dead_code, reason = "not every test file uses all of it")]

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use unlearn_core::recipe::{Clip, Schedule, TrainSection};
use unlearn_data::TokenRow;
use unlearn_engine::train::{Gradients, Micro, Needs, Objective, Plan, Reads, Reference, Sets, Term, gradient};
use unlearn_engine::{LanguageModel, Loading, device};

pub const SEED: u64 = 5;

pub fn testdata(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata").join(name)
}

/// `forget` and `retain` times the negative log-likelihood of each side; a side without weight is not read.
#[derive(Clone, Copy)]
pub struct Likelihood {
    pub forget: f64,
    pub retain: f64,
}

impl Objective for Likelihood {
    fn needs(&self) -> Needs {
        let reads = |weight: f64| if weight == 0.0 { Reads::nothing() } else { Reads::scores() };
        Needs { forget: reads(self.forget), retain: reads(self.retain), ..Needs::default() }
    }
    fn forget(&self, micro: &Micro<'_>) -> Vec<Term> {
        vec![Term::new("forget", micro.nll(), self.forget)]
    }
    fn retain(&self, micro: &Micro<'_>) -> Vec<Term> {
        vec![Term::new("retain", micro.nll(), self.retain)]
    }
}

pub const LEARN: Likelihood = Likelihood { forget: 1.0, retain: 0.0 };

pub fn row(i: u32) -> TokenRow {
    let ids: Vec<u32> = (0..7 + i % 4).map(|t| 3 + (t * 7 + i * 13) % 90).collect();
    let labels = ids.iter().enumerate().map(|(t, &id)| if t < 3 { -100 } else { i64::from(id) }).collect();
    TokenRow::of_tokens(ids, labels)
}

/// Six forget rows and four others.
pub fn sets() -> Sets {
    Sets::new((0..6).map(row).collect(), (6..10).map(row).collect())
}

/// Steps over all six rows, in their order, at a constant rate.
pub fn section() -> TrainSection {
    TrainSection {
        learning_rate: 1e-3,
        batch_size: 6,
        steps: Some(4),
        warmup: 0.0,
        schedule: Schedule::Constant,
        clip: Clip::None,
        shuffle: false,
        ..TrainSection::default()
    }
}

pub fn load(section: &TrainSection) -> LanguageModel {
    let device = device::by_name("cpu").expect("cpu");
    LanguageModel::load(&testdata("golden/models/llama"), Loading::Training(section, SEED), &device).expect("loads")
}

pub fn all(model: &LanguageModel) -> Vec<Vec<f32>> {
    (0..model.parameters.specs().len()).map(|i| model.parameters.values(i)).collect()
}

/// Does something with a plan over [`sets`].
pub fn planned<T>(section: &TrainSection, run: impl FnOnce(&Plan<'_>) -> T) -> T {
    let (sets, reference, stop) = (sets(), Reference::default(), AtomicBool::new(false));
    run(&Plan { train: section, seed: SEED, sets: &sets, reference: &reference, state: None, watch: None, stop: &stop })
}

/// The gradient of a run's first step.
pub fn first_gradient(model: &LanguageModel, section: &TrainSection, objective: Likelihood) -> Gradients {
    planned(section, |plan| gradient(model, &objective, plan, 0).expect("a gradient").1)
}

/// The largest difference, as a share of the second's largest value.
pub fn gap(ours: &[f32], theirs: &[f32]) -> f32 {
    assert_eq!(ours.len(), theirs.len());
    let largest = theirs.iter().fold(0f32, |m, x| m.max(x.abs()));
    ours.iter().zip(theirs).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max) / largest
}

/// [`gap`] of all values together.
pub fn gap_of_all(ours: &[Vec<f32>], theirs: &[Vec<f32>]) -> f32 {
    gap(&ours.concat(), &theirs.concat())
}
