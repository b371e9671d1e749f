//! Training a golden model on a likelihood, for tests of what is trained and by what.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use unlearn_core::recipe::{Clip, Schedule, TrainSection};
use unlearn_data::TokenRow;
use unlearn_engine::train::{Micro, Needs, Objective, Outcome, Plan, Reference, Sets, Term, train};
use unlearn_engine::{LanguageModel, Loading, device};

pub fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/golden/models").join(name)
}

/// The negative log-likelihood: the token mean over the step.
pub struct Likelihood;

impl Objective for Likelihood {
    fn needs(&self) -> Needs {
        Needs::forget_scores()
    }
    fn forget(&self, micro: &Micro<'_>) -> Vec<Term> {
        vec![Term::new("nll", micro.nll(), 1.0)]
    }
    fn retain(&self, _: &Micro<'_>) -> Vec<Term> {
        Vec::new()
    }
}

pub fn rows() -> Vec<TokenRow> {
    let row = |i: u32| {
        let ids: Vec<u32> = (0..7 + i % 4).map(|t| 3 + (t * 7 + i * 13) % 90).collect();
        let labels = ids.iter().enumerate().map(|(t, &id)| if t < 3 { -100 } else { i64::from(id) }).collect();
        TokenRow::of_tokens(ids, labels)
    };
    (0..6).map(row).collect()
}

pub fn section() -> TrainSection {
    TrainSection {
        learning_rate: 1e-2,
        batch_size: 3,
        steps: Some(4),
        warmup: 0.0,
        schedule: Schedule::Constant,
        clip: Clip::None,
        ..TrainSection::default()
    }
}

pub fn load(name: &str, section: &TrainSection) -> LanguageModel {
    let device = device::by_name("cpu").expect("cpu");
    LanguageModel::load(&golden(name), Loading::Training(section, 5), &device).expect("loads")
}

pub fn run(model: &mut LanguageModel, section: &TrainSection) -> Outcome {
    let (sets, reference, stop) = (Sets::new(rows(), Vec::new()), Reference::default(), AtomicBool::new(false));
    let plan =
        Plan { train: section, seed: 5, sets: &sets, reference: &reference, state: None, watch: None, stop: &stop };
    train(model, &mut Likelihood, &plan, &mut |_| Ok(())).expect("trains")
}

/// All parameters after training, adapters included.
pub fn trained(name: &str, section: &TrainSection) -> Vec<Vec<f32>> {
    let mut model = load(name, section);
    run(&mut model, section);
    all(&model)
}

pub fn all(model: &LanguageModel) -> Vec<Vec<f32>> {
    (0..model.parameters.specs().len()).map(|i| model.parameters.values(i)).collect()
}

pub fn worst(a: &[Vec<f32>], b: &[Vec<f32>]) -> f32 {
    assert_eq!(a.len(), b.len());
    let pairs = a.iter().flatten().zip(b.iter().flatten());
    pairs.map(|(x, y)| (x - y).abs()).fold(0.0, f32::max)
}
