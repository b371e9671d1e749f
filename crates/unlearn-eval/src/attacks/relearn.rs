//! `relearn`

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use serde::{Deserialize, Serialize};
use unlearn_core::attack::{Cost, Trial};
use unlearn_core::recipe::{AdapterKind, Clip, LoraSection, Schedule, TrainSection};
use unlearn_data::{Row, TokenRow};
use unlearn_engine::train::{FineTune, Plan, Progress, Reference, Sets, train};
use unlearn_engine::{EngineError, LanguageModel, Loading};

use super::bench::numbers;
use super::{Attack, Bench, Configured, Told};
use crate::EvalError;

const PAGE: &str = "\
# Idea

An adversary who has some of what was forgotten fine-tunes the model on it for a few steps, and asks for the rest. What \
was hidden comes back with what belongs to it; what is gone has to be learned anew, and cannot be learned from other facts.

# Procedure

The forget rows are dealt into `folds`. Each fold in turn is what is asked for; the attacker is shown the others, trains on \
their true answers at each of `learning_rates`, all weights or an adapter, and asks after each number of steps in `looks`. \
Rows of other scopes that ask for a shown fact (the same answer about the same) are left out as well.

# Paper

Lynch et al., *Eight methods to evaluate robust unlearning in LLMs*, 2024, arXiv 2402.16835; Hu et al., *Unlearning or \
obfuscating? Jogging the memory of unlearned LLMs via benign relearning*, 2024, arXiv 2406.13356; Łucki et al., *An \
adversarial perspective on machine unlearning for AI safety*, 2024, arXiv 2409.18025; Deeb and Roger, *Do unlearning \
methods remove information from language model weights?*, 2024, arXiv 2410.08827.

# Reference implementation

`ethz-spylab/unlearning-vs-safety`, `src/finetuning/finetune.py`.

# Defaults

`folds = 2`, `learning_rates = [1e-4, 1e-3]`, `looks = [1, 2, 5, 10, 20]`, `batch_size = 8`, `adapter = \"none\"` \
(`\"lora\"`: rank 16 on all linear layers, at the same rates), AdamW at a constant rate without decay, gradients clipped \
to 1.

# Deviations

The published attacks train on up to 1000 rows for epochs; this one looks early, for steps are what a forgotten fact costs. \
What the retrained model gives under the same attack is what can be learned from the shown rows: read both side by side.
";

/// See the page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Relearn {
    folds: usize,
    #[serde(flatten)]
    tuning: Tuning,
}

/// What was found after each look, and what of the budget ended it.
type Trained = (Vec<(usize, Trial)>, Option<&'static str>);

/// How an attacker trains, and when it looks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Tuning {
    learning_rates: Vec<f64>,
    looks: Vec<usize>,
    batch_size: usize,
    adapter: AdapterKind,
}

impl Default for Relearn {
    fn default() -> Self {
        Self { folds: 2, tuning: Tuning::default() }
    }
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            learning_rates: vec![1e-4, 1e-3],
            looks: vec![1, 2, 5, 10, 20],
            batch_size: 8,
            adapter: AdapterKind::None,
        }
    }
}

impl Configured for Relearn {
    const NAME: &'static str = "relearn";
    const PAGE: &'static str = PAGE;

    fn check(&self) -> Result<(), (&'static str, &'static str)> {
        if self.folds < 2 {
            return Err(("folds", "it must be at least 2: some rows are shown, the others asked for"));
        }
        self.tuning.check()
    }
}

impl Attack for Relearn {
    fn run(&self, bench: &mut Bench<'_>) -> Result<(), EvalError> {
        let forget = bench.scopes.first().map(|scope| scope.rows.clone()).unwrap_or_default();
        let others = |fold: usize| {
            let shown = forget.iter().enumerate().filter(|(i, _)| i % self.folds != fold);
            shown.map(|(_, row)| row.clone()).collect::<Vec<Row>>()
        };
        let folds: Vec<Vec<Row>> = (0..self.folds.min(forget.len())).map(others).collect();
        self.tuning.run(bench, &folds)
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
        Ok(())
    }

    /// At each rate, trains on each of some sets of rows, and asks for what was not shown; what is found with one set
    /// and with another is put together.
    pub(super) fn run(&self, bench: &mut Bench<'_>, shown: &[Vec<Row>]) -> Result<(), EvalError> {
        let looks: BTreeSet<usize> = self.looks.iter().copied().collect();
        for &rate in &self.learning_rates {
            let label = |steps: usize| format!("rate {rate:e}, {steps} steps");
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
                let which = format!("rate {rate:e}, {} of {}", fold + 1, shown.len());
                (bench.tell)(Told::Attempt(&which));
                let (trials, by) = self.train(rate, (steps / shown.len(), queries), bench, (rows, &looks))?;
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
                let numbers = numbers([("steps", steps as f64), ("learning-rate", rate)]);
                let trial = Trial { label: label(steps), numbers, ..trial };
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

    /// Trains at one rate on some rows, when some questions were put that the bench does not know of; what was found after each look, and what of the budget ended it.
    fn train(
        &self,
        rate: f64,
        (steps, queries): (usize, u64),
        bench: &Bench<'_>,
        (shown, looks): (&[Row], &BTreeSet<usize>),
    ) -> Result<Trained, EvalError> {
        let rows = shown.iter().map(|row| bench.encoder.encode(row)).collect::<Result<Vec<TokenRow>, _>>()?;
        let sets = Sets::new(rows, Vec::new());
        let section = self.section(rate, steps);
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

    fn section(&self, rate: f64, steps: usize) -> TrainSection {
        TrainSection {
            learning_rate: rate,
            batch_size: self.batch_size,
            steps: Some(steps),
            warmup: 0.0,
            schedule: Schedule::Constant,
            clip: Clip::Norm(1.0),
            weight_decay: 0.0,
            adapter: self.adapter,
            lora: LoraSection::default(),
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

/// Whether two rows ask for the same: the same answer about the same.
pub(super) fn same_fact(a: &Row, b: &Row) -> bool {
    let about = a.entity == b.entity || a.entity.is_none() || b.entity.is_none();
    a.prompt_text() == b.prompt_text() || (about && a.answer_text() == b.answer_text())
}
