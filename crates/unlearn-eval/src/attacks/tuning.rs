//! How an attacker trains: what `relearn` and `relearn-benign` share.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use serde::{Deserialize, Serialize};
use unlearn_core::attack::{Cost, Trial};
use unlearn_core::recipe::{AdapterKind, Clip, LoraSection, Schedule, TrainSection};
use unlearn_data::{Row, TokenRow};
use unlearn_engine::train::{FineTune, Plan, Progress, Reference, Sets, train};
use unlearn_engine::{EngineError, LanguageModel, Loading};

use super::adapters::Adapters;
use super::bench::numbers;
use super::relearn::same_fact;
use super::{Bench, Told};
use crate::EvalError;

/// What was found after each look, and what of the budget ended it.
type Trained = (Vec<(usize, Trial)>, Option<&'static str>);

/// How an attacker trains, and when it looks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Tuning {
    learning_rates: Vec<f64>,
    looks: Vec<usize>,
    batch_size: usize,
    adapter: Adapters,
    lora: LoraSection,
}

/// What is trained, and how fast.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Course {
    adapter: AdapterKind,
    rate: f64,
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            learning_rates: vec![1e-4, 1e-3],
            looks: vec![1, 2, 5, 10, 20],
            batch_size: 8,
            adapter: Adapters::default(),
            lora: LoraSection::default(),
        }
    }
}

impl Tuning {
    pub(super) fn check(&self) -> Result<(), (&'static str, &'static str)> {
        let rates = &self.learning_rates;
        if rates.is_empty() || rates.iter().any(|rate| !(*rate > 0.0 && rate.is_finite())) {
            return Err(("learning_rates", "they must be positive, and at least one"));
        }
        if self.looks.is_empty() || self.looks.contains(&0) {
            return Err(("looks", "they are numbers of steps, from 1 on"));
        }
        if self.batch_size == 0 {
            return Err(("batch_size", "it must be at least 1"));
        }
        self.lora.wrong().map_or(Ok(()), |(field, _, why)| Err((field, why)))
    }

    /// Every course that is taken: with each kind of adapter, each rate.
    fn courses(&self) -> impl Iterator<Item = Course> {
        let rates = |&adapter| self.learning_rates.iter().map(move |&rate| Course { adapter, rate });
        self.adapter.kinds().iter().flat_map(rates)
    }

    /// What a course goes by.
    fn name(&self, Course { adapter, rate }: Course) -> String {
        match adapter {
            AdapterKind::None => format!("rate {rate:e}"),
            AdapterKind::Lora => format!("LoRA of rank {}, rate {rate:e}", self.lora.rank),
        }
    }

    fn numbers(&self, Course { adapter, rate }: Course, steps: usize) -> BTreeMap<String, f64> {
        let mut numbers = numbers([("steps", steps as f64), ("learning-rate", rate)]);
        if adapter == AdapterKind::Lora {
            numbers.extend([("rank".to_owned(), self.lora.rank as f64), ("alpha".to_owned(), self.lora.alpha)]);
        }
        numbers
    }

    /// On each course, trains on each of some sets of rows, and asks for what was not shown; what is found with one set
    /// and with another is put together.
    pub(super) fn run(&self, bench: &mut Bench<'_>, shown: &[Vec<Row>]) -> Result<(), EvalError> {
        let looks: BTreeSet<usize> = self.looks.iter().copied().collect();
        for course in self.courses() {
            let name = self.name(course);
            let label = |steps: usize| format!("{name}, {steps} steps");
            let earlier: Option<Vec<Trial>> = looks.iter().map(|&steps| bench.earlier(&label(steps))).collect();
            if let Some(earlier) = earlier {
                earlier.into_iter().for_each(|trial| bench.take(trial));
                continue;
            }
            bench.go_on()?;
            if bench.is_spent() {
                break;
            }
            let steps = bench.steps_left(looks.last().map_or(0, |&last| (last * shown.len()) as u64)) as usize;
            let (mut found, mut ended, mut queries) = (BTreeMap::<usize, Trial>::new(), None, 0);
            for (fold, rows) in shown.iter().enumerate() {
                let which = format!("{name}, {} of {}", fold + 1, shown.len());
                (bench.tell)(Told::Attempt(&which));
                let (trials, by) = self.train(course, (steps / shown.len(), queries), bench, (rows, &looks))?;
                for (steps, trial) in trials {
                    queries += trial.cost.queries;
                    let sum = found.remove(&steps).map_or_else(|| trial.clone(), |sum| sum.or(&trial));
                    found.insert(steps, sum);
                }
                ended = by;
                if ended.is_some_and(|by| by != "steps") {
                    break;
                }
            }
            for (steps, trial) in found {
                let trial = Trial { label: label(steps), numbers: self.numbers(course, steps), ..trial };
                if ended.is_none() {
                    bench.keep(&trial)?;
                }
                bench.take(trial);
            }
            if let Some(by) = ended {
                bench.ended_by(by);
                break;
            }
        }
        Ok(())
    }

    /// Trains on one course on some rows, when some questions were put that the bench does not know of; what was found
    /// after each look, and what of the budget ended it.
    fn train(
        &self,
        course: Course,
        (steps, queries): (usize, u64),
        bench: &Bench<'_>,
        (shown, looks): (&[Row], &BTreeSet<usize>),
    ) -> Result<Trained, EvalError> {
        let rows = shown.iter().map(|row| bench.encoder.encode(row)).collect::<Result<Vec<TokenRow>, _>>()?;
        let sets = Sets::new(rows, Vec::new());
        let section = self.section(course, steps);
        let mut model = LanguageModel::load(&bench.model.path, Loading::Training(&section, bench.seed), bench.device)?;
        let (halt, reference) = (AtomicBool::new(false), Reference::default());
        let plan = Plan {
            train: &section,
            seed: bench.seed,
            sets: &sets,
            reference: &reference,
            state: None,
            watch: None,
            stop: &halt,
        };
        let (mut found, mut failed, mut queries, mut asked_all) = (Vec::new(), None, queries, false);
        let (mut cost, mut begun) = (Cost::default(), Instant::now());
        let trained = train(&mut model, &mut FineTune, &plan, &mut |progress| {
            match progress {
                Progress::Step(step, of) => {
                    cost.steps += 1;
                    // Backward counts twice.
                    cost.forward_tokens += 3 * step.tokens as u64;
                    (bench.tell)(Told::Progress(step.step, of));
                }
                Progress::Model(model, step) if looks.contains(&step) => match ask(bench, model, shown) {
                    Ok(trial) => {
                        let seconds = std::mem::replace(&mut begun, Instant::now()).elapsed().as_secs_f64();
                        queries += trial.cost.queries;
                        asked_all = bench.would_use_up(queries);
                        let spent = Cost { seconds, ..std::mem::take(&mut cost) + trial.cost };
                        found.push((step, Trial { cost: spent, ..trial }));
                    }
                    Err(e) => failed = Some(e),
                },
                _ => {}
            }
            if failed.is_some() || asked_all || bench.stop.load(Ordering::Relaxed) || bench.seconds_left() == Some(0.0)
            {
                halt.store(true, Ordering::Relaxed);
            }
            Ok(())
        });
        if let Some(e) = failed {
            return Err(e);
        }
        bench.go_on()?;
        match trained {
            Ok(_) if looks.last().is_some_and(|&last| steps < last) => Ok((found, Some("steps"))),
            Ok(_) if asked_all => Ok((found, Some("queries"))),
            // A model that breaks gives nothing away.
            Ok(_) | Err(EngineError::Diverged { .. }) => Ok((found, None)),
            Err(EngineError::Interrupted { .. }) => Ok((found, Some(if asked_all { "queries" } else { "seconds" }))),
            Err(e) => Err(e.into()),
        }
    }

    fn section(&self, Course { adapter, rate }: Course, steps: usize) -> TrainSection {
        TrainSection {
            learning_rate: rate,
            batch_size: self.batch_size,
            steps: Some(steps),
            warmup: 0.0,
            schedule: Schedule::Constant,
            clip: Clip::Norm(1.0),
            weight_decay: 0.0,
            adapter,
            lora: self.lora.clone(),
            ..TrainSection::default()
        }
    }
}

/// Asks for what was not shown. A model whose answers are no numbers gives nothing away.
fn ask(bench: &Bench<'_>, model: &LanguageModel, shown: &[Row]) -> Result<Trial, EvalError> {
    match bench.ask(model, &|row| shown.iter().any(|other| same_fact(row, other))) {
        Err(EvalError::NotFinite { .. }) => Ok(Trial::default()),
        asked => asked,
    }
}
