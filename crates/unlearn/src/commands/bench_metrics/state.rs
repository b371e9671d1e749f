//! What is done to a model before the metrics are taken, and taking them.

use std::path::PathBuf;

use anyhow::Result;
use serde::{Deserialize, Serialize};
use unlearn_core::Recipe;
use unlearn_core::file;
use unlearn_core::recipe::{Schedule, TrainSection};
use unlearn_core::score::EvalReport;
use unlearn_data::world::{Split, World, WorldRow, write_rows};
use unlearn_engine::gguf::TensorKind;

use super::pool::{Model, beside, shadows, write_halves};
use crate::commands::demo_world::{Places, evaluation, learn};
use crate::commands::eval;
use crate::context::Context;

/// Rows of the forget set that are learned again.
pub const RELEARNED_ROWS: usize = 8;
/// Steps of relearning.
pub const RELEARNING_STEPS: usize = 20;
/// Its learning rate.
pub const RELEARNING_RATE: f64 = 5e-4;
/// The format that models are quantised to.
pub const QUANTISED: TensorKind = TensorKind::Q4_0;
/// Sampled answers to each question.
const SAMPLES: usize = 8;

/// What was done to the models.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Nothing.
    Plain,
    /// Fine-tuned on a few rows of the forget set; the others are judged.
    Relearned,
    /// Written with 4 bits a weight, and read again.
    Quantised,
}

impl State {
    pub const ALL: [Self; 3] = [Self::Plain, Self::Relearned, Self::Quantised];

    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Relearned => "relearned",
            Self::Quantised => "quantised",
        }
    }
}

/// Some rows about one person, to be relearned, and those that neither name them nor are about their work: what was
/// relearned must not be what is asked.
pub fn parts(rows: &[WorldRow]) -> [Vec<&WorldRow>; 2] {
    let Some(person) = rows.first().map(|row| &row.fact.subject) else { return [Vec::new(), Vec::new()] };
    let names = |row: &WorldRow| [&row.fact.subject, &row.fact.object].contains(&person);
    let of_them: Vec<&WorldRow> = rows.iter().filter(|row| names(row)).collect();
    let related = |row: &WorldRow| names(row) || of_them.iter().any(|r| r.fact.object == row.fact.subject);
    let others = rows.iter().filter(|row| !related(row)).collect();
    [of_them.iter().take(RELEARNED_ROWS).copied().collect(), others]
}

/// Where the models of one run go through their states.
pub struct Bench<'a> {
    pub context: &'a Context,
    pub places: &'a Places,
    pub seed: u64,
}

impl Bench<'_> {
    /// Writes the world, its forget set in two parts, and what shadow models learn.
    pub fn write(&self, world: &World) -> Result<()> {
        world.write(&self.places.root.join("data"))?;
        let [again, others] = parts(world.rows(Split::Forget));
        write_rows(&self.part("relearned"), again)?;
        write_rows(&self.part("others"), others)?;
        write_halves(self.places, world)
    }

    fn part(&self, name: &str) -> PathBuf {
        self.places.root.join("data").join(format!("forget-{name}.jsonl"))
    }

    /// A model in a state: what is not there yet is made.
    fn subject(&self, model: &Model, state: State) -> Result<PathBuf> {
        let plain = model.path(self.places);
        match state {
            State::Plain => Ok(plain),
            State::Relearned => {
                let train = TrainSection {
                    learning_rate: RELEARNING_RATE,
                    batch_size: RELEARNED_ROWS,
                    steps: Some(RELEARNING_STEPS),
                    warmup: 0.0,
                    schedule: Schedule::Constant,
                    ..TrainSection::default()
                };
                let name = format!("relearned/{}", model.name());
                let output = self.places.output(&name, true);
                learn(self.context, plain, vec![self.part("relearned")], train, self.seed, &output)?;
                Ok(self.places.run(&name).model())
            }
            State::Quantised => {
                let path = self.places.root.join("quantised").join(format!("{}.gguf", model.name()));
                if !path.exists() {
                    file::create_dir(&self.places.root.join("quantised"))?;
                    self.context.model(&plain)?.save_gguf(&path, QUANTISED)?;
                }
                Ok(path)
            }
        }
    }

    /// Takes every metric of a model in a state, beside the retrained model in the same state, and the target and the
    /// shadow models as they were, all of the model's size; once.
    pub fn examine(&self, model: &Model, state: State) -> Result<EvalReport> {
        let [target, retrained] = beside(model.size, self.seed);
        let forget = if state == State::Relearned { self.part("others") } else { self.places.data(Split::Forget) };
        let mut recipe = Recipe { seed: self.seed, eval: evaluation(), ..Recipe::default() };
        recipe.model.path = Some(self.subject(model, state)?);
        recipe.model.retrained = Some(self.subject(&retrained, state)?);
        recipe.model.reference = Some(target.path(self.places));
        recipe.model.shadows = shadows(model.size, self.seed).iter().map(|m| m.path(self.places)).collect();
        recipe.data.forget = vec![forget];
        recipe.data.holdout = vec![self.places.data(Split::Holdout)];
        recipe.eval.metrics = vec!["all".into()];
        recipe.eval.samples = SAMPLES;
        // The models beside are seen once.
        recipe.eval.observations = Some(self.places.root.join("observations"));
        let name = format!("eval/{}/{}", state.name(), model.name());
        eval::execute(self.context, &recipe, &self.places.output(&name, true), None)?;
        Ok(file::read_json(&self.places.run(&name).eval())?)
    }
}

#[cfg(test)]
mod tests {
    use unlearn_data::world::WorldConfig;

    use super::*;

    #[test]
    fn what_is_relearned_is_about_nobody_who_is_asked_about() {
        let world = World::build(&WorldConfig::default()).expect("a world");
        let [again, others] = parts(world.rows(Split::Forget));
        assert_eq!(again.len(), RELEARNED_ROWS);
        assert!(others.len() >= 20, "{}", others.len());
        for row in &others {
            assert!(again.iter().all(|r| r.fact.subject != row.fact.subject && r.fact.subject != row.fact.object));
            assert!(again.iter().all(|r| r.fact.object != row.fact.subject), "{}", row.question);
        }
    }
}
