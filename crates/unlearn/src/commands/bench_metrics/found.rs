//! What was found out about the metrics: `bench-metrics.json`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use unlearn_core::score::EvalReport;
use unlearn_eval::meta::{Apart, Knows, apart, judged};
use unlearn_stats::hmean::harmonic_mean;

use super::pool::Model;
use super::state::{QUANTISED, RELEARNED_ROWS, RELEARNING_RATE, RELEARNING_STEPS, State};

/// The content of `bench-metrics.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Found {
    /// Always [`Found::SCHEMA`].
    pub schema: String,
    pub seed: u64,
    /// The models that know the forget set, in the order of the values below.
    pub knowing: Vec<Described>,
    /// Those that never saw it.
    pub ignorant: Vec<Described>,
    pub relearning: Relearning,
    /// The format of quantised models.
    pub quantisation: String,
    pub metrics: BTreeMap<String, Judged>,
    /// Metrics that could not be taken in the made-up world.
    pub not_taken: Vec<String>,
}

/// A model in words.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Described {
    pub name: String,
    pub size: String,
    pub epochs: f64,
    pub seed: u64,
}

/// How models are fine-tuned on a part of the forget set.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Relearning {
    pub rows: usize,
    pub steps: usize,
    pub learning_rate: f64,
}

/// How well one metric tells the models apart.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Judged {
    /// Which values speak for knowledge.
    pub knows: Knows,
    pub plain: Apart,
    /// After all models relearned a few forget rows: judged by the others.
    pub relearned: Option<Apart>,
    pub quantised: Option<Apart>,
    /// The harmonic mean of the three areas.
    pub harmonic_mean: Option<f64>,
}

/// The reports of the models that know, and of those that do not, by state.
pub type Reports = BTreeMap<State, [Vec<EvalReport>; 2]>;

impl Found {
    /// The schema and version of the file.
    pub const SCHEMA: &str = "unlearn.bench-metrics/1";

    /// Where it lies.
    pub fn path(dir: &Path) -> PathBuf {
        dir.join("bench-metrics.json")
    }

    /// Of every metric of the forget set that was taken.
    pub fn of(models: &[Vec<Model>; 2], reports: &Reports, seed: u64) -> Self {
        let ways = judged(&reports.values().flatten().flatten().collect::<Vec<_>>());
        let of = |metric: &str, knows: Knows, state: State| {
            let [knowing, ignorant] = reports.get(&state)?;
            apart(metric, knows, [knowing, ignorant], seed)
        };
        let (mut metrics, mut not_taken) = (BTreeMap::new(), Vec::new());
        for (name, knows) in ways {
            let [plain, relearned, quantised] = State::ALL.map(|state| of(&name, knows, state));
            let areas: Option<Vec<f64>> =
                [&plain, &relearned, &quantised].into_iter().map(|a| a.as_ref().map(|a| a.auc)).collect();
            let harmonic_mean = areas.and_then(|areas| harmonic_mean(&areas));
            match plain {
                Some(plain) => {
                    metrics.insert(name, Judged { knows, plain, relearned, quantised, harmonic_mean });
                }
                None => not_taken.push(name),
            }
        }
        let describe = |pool: &Vec<Model>| pool.iter().map(Described::of).collect::<Vec<_>>();
        Self {
            schema: Self::SCHEMA.into(),
            seed,
            knowing: describe(&models[0]),
            ignorant: describe(&models[1]),
            relearning: Relearning { rows: RELEARNED_ROWS, steps: RELEARNING_STEPS, learning_rate: RELEARNING_RATE },
            quantisation: QUANTISED.name().to_lowercase(),
            metrics,
            not_taken,
        }
    }
}

impl Described {
    fn of(model: &Model) -> Self {
        Self { name: model.name(), size: model.size.name.into(), epochs: model.epochs, seed: model.seed }
    }
}
