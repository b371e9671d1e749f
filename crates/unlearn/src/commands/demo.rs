//! `unlearn demo`: the whole way on a made-up world, with the same commands that a user would run.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use serde_json::json;
use unlearn_core::recipe::{DataSection, EvalSection, Recipe, Schedule, TrainSection};
use unlearn_core::run::RunFolder;
use unlearn_core::score::{Answer, EvalReport};
use unlearn_core::{file, settings};
use unlearn_data::world::{Split, World, WorldConfig};
use unlearn_report::{
    Comparison, RunView, SubjectColumn, render_html, samples_text, score_table_text, summary, verdict_text,
};

use super::demo_world::{EPOCHS, FORGET_SHARE, LARGE, PEOPLE, Places, base_model, evaluation, learn, training};
use super::{attack, eval, run};
use crate::cli::Output;
use crate::context::Context;
use crate::failure::Refusal;

#[derive(Debug, Args)]
pub struct Demo {
    /// The folder to write; `runs/demo` or, where that is taken, `runs/demo-2` and so on when not given
    #[arg(long, value_name = "RUN")]
    out: Option<PathBuf>,
    /// Go on with an interrupted demo in the folder of `--out`
    #[arg(long, requires = "out")]
    resume: bool,
    /// People in the made-up world
    #[arg(long, value_name = "N", default_value_t = PEOPLE)]
    people: usize,
    /// Share of the people who are to be forgotten
    #[arg(long, value_name = "X", default_value_t = FORGET_SHARE)]
    forget_share: f64,
}

/// What is shown of the three models.
const METRICS: [&str; 7] =
    ["probability", "truth-ratio", "rouge", "mia/min-k", "forget-quality", "privleak", "model-utility"];

impl Demo {
    pub fn run(self, context: &Context) -> Result<()> {
        let folder = self.folder()?;
        let places = Places::new(&folder)?;
        let seed = context.common.seed.unwrap_or(0);
        let world = World::build(&WorldConfig { people: self.people, forget_share: self.forget_share, seed })?;
        let unlearning = unlearning(context, &places, &world, seed)?;
        unlearn_methods::method(&unlearning.method)?;
        context.say(format!("demo in `{}`, seed {seed}", folder.display()));
        world.write(&places.root.join("data"))?;
        context.say(describe(&world));
        if !places.base().exists() {
            base_model(context, &world, LARGE, seed)?.save(&places.base())?;
        }

        self.train(context, &places, "target", places.all(), seed, "1/5 the target learns everything")?;
        let without = "2/5 the retrained model never sees the forget set";
        self.train(context, &places, "retrained", places.kept(), seed, without)?;

        context.say("3/5 the target unlearns the forget set by `npo`");
        run::execute(context, unlearning.clone(), &self.output(&places, "unlearned"))?;

        context.say("4/5 the retrained model is examined beside them");
        let attacked = attacking(&unlearning, &places);
        let mut examination = unlearning;
        examination.method = toml::Table::new();
        examination.model.retrained = None;
        examination.model.path = Some(places.run("retrained").model());
        eval::execute(context, &examination, &self.output(&places, "retrained-eval"), None)?;

        context.say("5/5 both are attacked: does what was forgotten come back?");
        attack::execute(context, &attacked, &self.output(&places, "attacks"))?;
        finish(context, &places, &folder)
    }

    fn folder(&self) -> Result<PathBuf> {
        if let Some(out) = &self.out {
            if !self.resume && !RunFolder::new(out).is_free() {
                let message = format!("`{}` is not empty", out.display());
                return Err(Refusal::new(message, "choose another `--out`, or go on by `--resume`").into());
            }
            return Ok(out.clone());
        }
        let named = |i: usize| Path::new("runs").join(if i == 1 { "demo".to_owned() } else { format!("demo-{i}") });
        Ok((1..).map(named).find(|p| RunFolder::new(p).is_free()).unwrap_or_else(|| named(1)))
    }

    fn output(&self, places: &Places, name: &str) -> Output {
        places.output(name, self.resume)
    }

    fn train(
        &self,
        context: &Context,
        places: &Places,
        name: &str,
        data: Vec<PathBuf>,
        seed: u64,
        what: &str,
    ) -> Result<()> {
        context.say(what);
        learn(context, places.base(), data, training(EPOCHS), seed, &self.output(places, name))
    }
}

/// The recipe of the unlearning run; `--set` goes over it.
fn unlearning(context: &Context, places: &Places, world: &World, seed: u64) -> Result<Recipe> {
    let mut recipe = Recipe { seed, ..Recipe::default() };
    recipe.model.path = Some(places.run("target").model());
    recipe.data = DataSection {
        forget: vec![places.data(Split::Forget)],
        retain: places.kept(),
        holdout: vec![places.data(Split::Holdout)],
        ..DataSection::default()
    };
    recipe.model.retrained = Some(places.run("retrained").model());
    recipe.data.also.insert("neighbour".into(), vec![places.data(Split::Neighbour)]);
    recipe.data.also.insert("paraphrased".into(), vec![places.root.join("data/paraphrased.jsonl")]);
    for (scope, rows) in [("inverse", world.inverse()), ("one-hop", world.one_hop())] {
        if !rows.is_empty() {
            recipe.data.also.insert(scope.into(), vec![places.root.join(format!("data/{scope}.jsonl"))]);
        }
    }
    // A small model's short answers need a sharper weight than the 7B models of the paper (0.1), and a stronger hold.
    recipe.method = toml::Table::from_iter([
        ("name".to_owned(), toml::Value::from("npo")),
        ("beta".to_owned(), 0.3.into()),
        ("alpha".to_owned(), 8.0.into()),
    ]);
    recipe.train = TrainSection {
        learning_rate: 4e-4,
        batch_size: 16,
        epochs: 15.0,
        warmup: 0.1,
        schedule: Schedule::Constant,
        weight_decay: 0.0,
        ..TrainSection::default()
    };
    recipe.eval = EvalSection {
        metrics: METRICS.map(str::to_owned).to_vec(),
        observations: Some(places.root.join("observations")),
        ..evaluation()
    };
    let mut table: toml::Table = recipe.to_toml().parse()?;
    for assignment in &context.common.set {
        settings::assign(&mut table, assignment)?;
    }
    Ok(Recipe::from_table(table, None)?)
}

/// The recipe of the attacks on the unlearned and on the retrained model.
fn attacking(unlearning: &Recipe, places: &Places) -> Recipe {
    let mut recipe =
        Recipe { seed: unlearning.seed, chat: unlearning.chat.clone(), eval: evaluation(), ..Recipe::default() };
    recipe.model.path = Some(places.run("unlearned").model());
    recipe.model.retrained = Some(places.run("retrained").model());
    recipe.model.reference = Some(places.run("target").model());
    recipe.data = DataSection { holdout: Vec::new(), also: BTreeMap::new(), ..unlearning.data.clone() };
    recipe.attack = unlearning.attack.clone();
    recipe.attack.suite.get_or_insert_with(|| "quick".to_owned());
    recipe
}

fn describe(world: &World) -> String {
    let counts = Split::ALL.map(|s| format!("{} {}", world.rows(s).len(), s.name()));
    format!("a world of {} people; rows: {}", world.people().len(), counts.join(", "))
}

/// Puts the three models side by side: on the terminal and as a page.
fn finish(context: &Context, places: &Places, folder: &Path) -> Result<()> {
    let unlearned = RunView::read(&places.run("unlearned"), Some("unlearned"))?;
    let retrained = RunView::read(&places.run("retrained-eval"), Some("retrained"))?;
    let subjects = vec![
        column("target", &unlearned.eval_before, &unlearned.answers_before),
        column("unlearned", &unlearned.eval, &unlearned.answers),
        column("retrained", &retrained.eval, &retrained.answers),
    ];
    let target = RunView::read(&places.run("target"), Some("target"))?;
    let retraining = RunView::read(&places.run("retrained"), Some("retrained"))?;
    let attacks = RunView::read(&places.run("attacks"), Some("attacks on unlearned and retrained"))?;
    let brought_back = attacks.attacks.clone();
    let comparison = Comparison {
        title: "A made-up world, forgotten in part".into(),
        subtitle: "A small model learned facts about made-up people, then was told to forget some of them. \
                   The retrained model never saw those: it is what forgetting should come to."
            .into(),
        subjects,
        runs: vec![unlearned, target, retraining, attacks],
        max_answers: 12,
    };
    let page = folder.join("report.html");
    file::write_bytes(&page, render_html(&comparison).as_bytes())?;
    if context.common.json {
        let scores: Vec<_> = comparison.subjects.iter().map(|s| (s.name.clone(), json!(s.eval))).collect();
        let scores: serde_json::Map<String, serde_json::Value> = scores.into_iter().collect();
        return context.print(serde_json::to_string_pretty(
            &json!({"subjects": scores, "attacks": brought_back, "report": page}),
        )?);
    }
    context.print(verdict_text(&comparison))?;
    context.print(score_table_text(&comparison))?;
    context.print(samples_text(&comparison, 1))?;
    context.print(summary(&comparison).join("\n"))?;
    for sentence in brought_back.iter().flat_map(|found| &found.words) {
        context.print(sentence)?;
    }
    context.print(format!("report  {}", page.display()))
}

fn column(name: &str, eval: &Option<EvalReport>, answers: &[Answer]) -> SubjectColumn {
    SubjectColumn { name: name.into(), eval: eval.clone(), answers: answers.to_vec() }
}
