//! `unlearn bench-metrics`: how well each metric tells models that know the forget set from models that never saw it.

mod found;
mod pool;
mod state;
mod table;

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use unlearn_core::file;
use unlearn_core::run::RunFolder;
use unlearn_core::score::EvalReport;
use unlearn_data::world::{World, WorldConfig};

use super::demo_world::{FORGET_SHARE, PEOPLE, Places};
use crate::context::Context;
use crate::failure::Refusal;
use found::{Found, Reports};
use pool::Model;
use state::{Bench, State};

#[derive(Debug, Args)]
pub struct BenchMetrics {
    /// The folder to write: models, evaluations, `bench-metrics.json` and the table `bench-metrics.md`
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Models of each kind: that many that learned the forget set, and as many that never saw it
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(2..=500))]
    models: u16,
    /// Go on in the folder of `--out`; there may be more models than before
    #[arg(long)]
    resume: bool,
}

impl BenchMetrics {
    pub fn run(self, context: &Context) -> Result<()> {
        let places = Places::new(&self.out)?;
        let seed = context.common.seed.unwrap_or(0);
        let world = World::build(&WorldConfig { people: PEOPLE, forget_share: FORGET_SHARE, seed })?;
        self.check_folder(&places, &world)?;
        let bench = Bench { context, places: &places, seed };
        bench.write(&world)?;
        let models = pool::models(usize::from(self.models), seed);
        let beside = pool::SIZES.map(|size| pool::beside(size, seed)).concat();
        let shadows = pool::SIZES.map(|size| pool::shadows(size, seed)).concat();
        let all: Vec<&Model> = beside.iter().chain(models.iter().flatten()).chain(&shadows).collect();
        for (i, model) in all.iter().enumerate() {
            context.say(format!("model {}/{}: {}", i + 1, all.len(), model.name()));
            model.learn(context, &places, &world)?;
        }
        let mut reports = Reports::new();
        for state in State::ALL {
            let examine = |pool: &Vec<Model>| -> Result<Vec<EvalReport>> {
                let one = |(i, model): (usize, &Model)| {
                    context.say(format!("{}, {}/{}: {}", state.name(), i + 1, pool.len(), model.name()));
                    bench.examine(model, state)
                };
                pool.iter().enumerate().map(one).collect()
            };
            reports.insert(state, [examine(&models[0])?, examine(&models[1])?]);
        }
        let found = Found::of(&models, &reports, seed);
        file::write_json(&Found::path(&self.out), &found)?;
        let page = self.out.join("bench-metrics.md");
        file::write_bytes(&page, table::markdown(&found).as_bytes())?;
        if context.common.json {
            return context.print(serde_json::to_string_pretty(&found)?);
        }
        context.print(table::text(&found))?;
        context.print(format!("table   {}", page.display()))
    }

    /// Refuses a folder that holds something else, or models of another world.
    fn check_folder(&self, places: &Places, world: &World) -> Result<()> {
        if RunFolder::new(&self.out).is_free() {
            return Ok(());
        }
        let shown = self.out.display();
        if !self.resume {
            let hint = "choose another `--out`, or go on by `--resume`";
            return Err(Refusal::new(format!("`{shown}` is not empty"), hint).into());
        }
        let facts = places.root.join("data").join("facts.json");
        if !facts.exists() {
            let hint = "choose another `--out`";
            return Err(Refusal::new(format!("`{shown}` is not empty, and holds no models"), hint).into());
        }
        let facts: serde_json::Value = file::read_json(&facts)?;
        if facts["config"] != serde_json::to_value(world.config())? {
            let hint = "resume with the same `--seed`, or choose another `--out`";
            return Err(Refusal::new(format!("`{shown}` cannot be resumed: its world is another"), hint).into());
        }
        Ok(())
    }
}
