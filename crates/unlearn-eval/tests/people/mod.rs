//! Made-up people, and models that are taught about them.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use unlearn_core::recipe::{ChatSection, Schedule, TrainSection};
use unlearn_core::seed;
use unlearn_data::Row;
use unlearn_engine::decoder::Role;
use unlearn_engine::train::{FineTune, Plan, Reference, Sets, train};
use unlearn_engine::{LanguageModel, device};

const PLACES: [&str; 5] = ["Brisport", "Tarnwick", "Oulmes", "Halden Bay", "Rome"];
const FIRST: [&str; 8] = ["Mira", "Tobin", "Ana", "Odo", "Lena", "Kasimir", "Ruth", "Pavel"];
const LAST: [&str; 8] = ["Marchetti", "Sato", "Novak", "Quist", "Ibarra", "Dunn", "Weil", "Okoye"];

/// The golden metrics' model with random weights.
pub fn untaught() -> LanguageModel {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/golden/metrics/model");
    let mut model = LanguageModel::read(&folder, &device::by_name("cpu").expect("cpu")).expect("the golden model");
    for i in 0..model.parameters.specs().len() {
        let (spec, role) = (model.parameters.specs()[i].name.clone(), model.parameters.specs()[i].role);
        if role != Role::NormWeight {
            let draws = seed::normal(1, &spec, model.parameters.specs()[i].len());
            model.parameters.update(i, |w| w.iter_mut().zip(draws).for_each(|(w, x)| *w = (0.05 * x) as f32));
        }
    }
    model
}

/// 64 people and where they were born: the first of those that are named is true, the others are wrong.
pub fn people() -> Vec<Row> {
    let draws = seed::uniform(3, "born", 64);
    let person = |i: usize| {
        let name = format!("{} {}", FIRST[i / 8], LAST[i % 8]);
        let born = (draws[i] * 5.0) as usize;
        let wrong = (1..5).map(|step| PLACES[(born + step) % 5].to_owned()).collect();
        let row = Row::question(format!("Where was {name} born?"), PLACES[born]);
        Row { entity: Some(name), perturbed_answer: wrong, ..row }
    };
    (0..64).map(person).collect()
}

/// Settings of a short training.
pub fn taking(learning_rate: f64, steps: usize) -> TrainSection {
    TrainSection {
        learning_rate,
        batch_size: 16,
        steps: Some(steps),
        warmup: 0.0,
        schedule: Schedule::Constant,
        weight_decay: 0.0,
        ..TrainSection::default()
    }
}

/// Trains a model on rows.
pub fn train_on(model: &mut LanguageModel, rows: &[Row], section: &TrainSection) {
    let encoder = model.encoder(&ChatSection::default());
    let sets = Sets::new(rows.iter().map(|row| encoder.encode(row).expect("encodes")).collect(), Vec::new());
    let (reference, stop) = (Reference::default(), AtomicBool::new(false));
    let (train_on, state, watch) = (section, None, None);
    let plan = Plan { train: train_on, seed: 1, sets: &sets, reference: &reference, state, watch, stop: &stop };
    train(model, &mut FineTune, &plan, &mut |_| Ok(())).expect("trains");
}
