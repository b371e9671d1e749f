//! Training a golden model on a likelihood, for tests of what is trained and by what.

#[path = "policy.rs"]
mod policy;

use std::sync::atomic::AtomicBool;

pub use policy::all;
use policy::{SEED, row, testdata};
use unlearn_core::recipe::TrainSection;
use unlearn_data::TokenRow;
use unlearn_engine::train::{FineTune, Outcome, Plan, Reference, Sets, train};
use unlearn_engine::{LanguageModel, Loading, device};

pub fn golden(name: &str) -> std::path::PathBuf {
    testdata("golden/models").join(name)
}

pub fn rows() -> Vec<TokenRow> {
    (0..6).map(row).collect()
}

pub fn section() -> TrainSection {
    TrainSection { learning_rate: 1e-2, batch_size: 3, shuffle: true, ..policy::section() }
}

pub fn load(name: &str, section: &TrainSection) -> LanguageModel {
    let device = device::by_name("cpu").expect("cpu");
    LanguageModel::load(&golden(name), Loading::Training(section, SEED), &device).expect("loads")
}

pub fn run(model: &mut LanguageModel, section: &TrainSection) -> Outcome {
    let (sets, reference, stop) = (Sets::new(rows(), Vec::new()), Reference::default(), AtomicBool::new(false));
    let plan =
        Plan { train: section, seed: SEED, sets: &sets, reference: &reference, state: None, watch: None, stop: &stop };
    train(model, &mut FineTune, &plan, &mut |_| Ok(())).expect("trains")
}

/// All parameters after training, adapters included.
pub fn trained(name: &str, section: &TrainSection) -> Vec<Vec<f32>> {
    let mut model = load(name, section);
    run(&mut model, section);
    all(&model)
}

pub fn worst(a: &[Vec<f32>], b: &[Vec<f32>]) -> f32 {
    assert_eq!(a.len(), b.len());
    let pairs = a.iter().flatten().zip(b.iter().flatten());
    pairs.map(|(x, y)| (x - y).abs()).fold(0.0, f32::max)
}
