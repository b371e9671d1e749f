//! The recipe: what the user asks for, as a TOML file. Every field has a default or is asked for by name.

mod error;
mod optimizer;
mod precision;
mod sections;
mod selection;
mod smooth;
mod train;
mod watch;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use toml::Table;

pub use error::RecipeError;
pub use optimizer::{Curvature, LionSection, Optimizer, SophiaSection};
pub use precision::Precision;
pub use sections::{AttackSection, ChatSection, DataSection, EvalSection, ModelSection};
pub use selection::{AdapterKind, Bytes, Frozen, Layers, LoraSection};
pub use smooth::{AverageSection, Averaging, SmoothSection, Smoothing};
pub use train::{Clip, Schedule, TrainSection};
pub use watch::{Bound, Keep, Rule, Seen, WatchSection};

use crate::file;
use crate::registry::nearest;
use crate::settings;

/// The whole recipe.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Recipe {
    /// The one seed.
    pub seed: u64,
    /// The precision of products of matrices, in training and in evaluation; weights, losses and the optimiser are
    /// float32 in either. A machine that has no other computes in float32.
    pub precision: Precision,
    /// The models.
    pub model: ModelSection,
    /// The data files.
    pub data: DataSection,
    /// How text becomes a conversation.
    pub chat: ChatSection,
    /// The method: `name` and its own fields, checked by the method.
    pub method: Table,
    /// The training loop.
    pub train: TrainSection,
    /// Looking at the run while it trains.
    pub watch: WatchSection,
    /// The evaluation.
    pub eval: EvalSection,
    /// The attacks.
    pub attack: AttackSection,
}

impl Recipe {
    /// Reads a recipe file (none: an empty one), then applies `--set` assignments in order.
    /// Relative paths in a file start at the file's own folder.
    ///
    /// # Errors
    /// When the file or an assignment is not valid; an unknown field is named with the nearest valid one.
    pub fn read(path: Option<&Path>, assignments: &[String]) -> Result<Self, RecipeError> {
        let mut recipe_dir = None;
        let mut table = Table::new();
        if let Some(p) = path {
            table = file::read_text(p)?.parse().map_err(|e| Self::parse_error(path, e))?;
            recipe_dir = p.parent().map(Path::to_owned);
        }
        if let Some(dir) = recipe_dir {
            rebase(&mut table, &dir);
        }
        for assignment in assignments {
            settings::assign(&mut table, assignment)?;
        }
        // What is written down holds wherever it is read from.
        rebase(&mut table, &std::env::current_dir().unwrap_or_default());
        Self::from_table(table, path)
    }

    /// Checks a table of fields; `path` is where it came from.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn from_table(table: Table, path: Option<&Path>) -> Result<Self, RecipeError> {
        let valid = Self::fields();
        for (section, value) in &table {
            let Some(inner) = value.as_table().filter(|_| section != "method") else {
                if !valid.iter().any(|v| v.split('.').next() == Some(section)) {
                    return Err(unknown(path, section.clone(), &valid));
                }
                continue;
            };
            // An attack's own fields are its own to check.
            let own = |field: &String| section == "attack" && field.matches('.').count() > 1;
            if let Some(field) = flat(section, inner).into_iter().find(|field| !valid.contains(field) && !own(field)) {
                return Err(unknown(path, field, &valid));
            }
        }
        let recipe: Self = table.try_into().map_err(|e| Self::parse_error(path, e))?;
        let checked = recipe.train.check().and_then(|()| recipe.data.check()).and_then(|()| recipe.watch.check());
        checked.map_err(|e| e.of_file(path))?;
        Ok(recipe)
    }

    /// The recipe without what does not change results: two recipes that agree in it are the same run.
    #[must_use]
    pub fn essence(&self) -> Self {
        let mut essence = self.clone();
        essence.train.save_seconds = TrainSection::default().save_seconds;
        essence.train.prefix_cache = TrainSection::default().prefix_cache;
        essence.train.reference_cache = TrainSection::default().reference_cache;
        essence.eval.observations = None;
        essence
    }

    fn parse_error(path: Option<&Path>, e: toml::de::Error) -> RecipeError {
        RecipeError::Parse { path: path.map(Path::to_owned), source: Box::new(e) }
    }

    /// Every field that a recipe may hold, with its path; a method's own fields are not among them.
    pub fn fields() -> Vec<String> {
        let some = || Some(PathBuf::new());
        let full = Self {
            model: ModelSection {
                path: some(),
                reference: some(),
                retrained: some(),
                retrained_also: vec!["".into()],
                shadows: vec!["".into()],
            },
            data: DataSection {
                train: vec!["".into()],
                forget: vec!["".into()],
                retain: vec!["".into()],
                alternate: vec!["".into()],
                refusals: some(),
                holdout: vec!["".into()],
                also: BTreeMap::from([(String::new(), Vec::new())]),
                limit: Some(1),
            },
            chat: ChatSection { system: Some(String::new()), hide_pad_token: false },
            eval: EvalSection {
                observations: some(),
                benchmark: Some(String::new()),
                benchmark_data: some(),
                benchmark_split: Some(String::new()),
                ..EvalSection::default()
            },
            train: TrainSection { steps: Some(1), max_memory: Some(Bytes(0)), ..TrainSection::default() },
            attack: AttackSection {
                suite: Some(String::new()),
                names: vec![String::new()],
                steps: Some(1),
                queries: Some(1),
                seconds: Some(1.0),
                own: BTreeMap::new(),
            },
            ..Self::default()
        };
        let table = Table::try_from(full).unwrap_or_default();
        let mut fields = vec!["method.name".to_owned()];
        for (section, value) in table {
            match value {
                toml::Value::Table(t) => fields.extend(flat(&section, &t)),
                _ => fields.push(section),
            }
        }
        fields
    }

    /// The recipe as TOML, every default filled in.
    pub fn to_toml(&self) -> String {
        toml::to_string_pretty(self).unwrap_or_default()
    }

    /// The method's name.
    ///
    /// # Errors
    /// When there is none.
    pub fn method_name(&self) -> Result<&str, RecipeError> {
        self.method.get("name").and_then(|v| v.as_str()).ok_or_else(|| RecipeError::Missing {
            field: "method.name",
            hint: "give `--method NAME`; `unlearn methods` lists them".into(),
        })
    }

    /// The model's path.
    ///
    /// # Errors
    /// When there is none.
    pub fn model_path(&self) -> Result<&Path, RecipeError> {
        self.model.path.as_deref().ok_or_else(|| RecipeError::Missing {
            field: "model.path",
            hint: "give `--model DIR`, a Hugging Face folder or a GGUF file".into(),
        })
    }
}

/// The fields of a section with their paths; sets under `data.also` have names of the user's own.
fn flat(section: &str, table: &Table) -> Vec<String> {
    let field = |(key, value): (&String, &toml::Value)| {
        let path = format!("{section}.{key}");
        match value {
            toml::Value::Table(inner) if path != "data.also" => flat(&path, inner),
            _ => vec![path],
        }
    };
    table.iter().flat_map(field).collect()
}

fn unknown(path: Option<&Path>, field: String, valid: &[String]) -> RecipeError {
    let nearest = nearest(&field, valid.iter().map(String::as_str)).map(str::to_owned);
    RecipeError::UnknownField { path: path.map(Path::to_owned), field, nearest }
}

/// Fields of methods that hold paths, whatever the method.
const METHOD_PATHS: [&str; 3] = ["models", "tuned", "base"];

/// Fields of `[eval]` that hold paths.
const EVAL_PATHS: [&str; 2] = ["observations", "benchmark_data"];

/// Makes the relative paths of a recipe file start at the file's folder.
fn rebase(table: &mut Table, dir: &Path) {
    for section in ["model", "data"] {
        if let Some(value) = table.get_mut(section) {
            rebase_value(value, dir);
        }
    }
    if let Some(eval) = table.get_mut("eval").and_then(toml::Value::as_table_mut) {
        for (_, value) in eval.iter_mut().filter(|(key, _)| EVAL_PATHS.contains(&key.as_str())) {
            rebase_value(value, dir);
        }
    }
    if let Some(method) = table.get_mut("method").and_then(toml::Value::as_table_mut) {
        for (_, value) in method.iter_mut().filter(|(key, _)| METHOD_PATHS.contains(&key.as_str())) {
            rebase_value(value, dir);
        }
    }
}

fn rebase_value(value: &mut toml::Value, dir: &Path) {
    match value {
        // An empty one is none.
        toml::Value::String(s) if s.is_empty() => {}
        toml::Value::String(s) => *s = dir.join(&*s).to_string_lossy().into_owned(),
        toml::Value::Array(items) => items.iter_mut().for_each(|v| rebase_value(v, dir)),
        toml::Value::Table(inner) => inner.iter_mut().for_each(|(_, v)| rebase_value(v, dir)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trips_with_every_default_filled_in() {
        let recipe = Recipe::read(None, &["train.clip=none".into(), "method.name=npo".into()]).expect("valid");
        let text = recipe.to_toml();
        let again: Recipe = toml::from_str(&text).expect("its own output");
        assert_eq!(recipe, again);
        assert!(text.contains("learning_rate"), "{text}");
    }

    #[test]
    fn paths_of_methods_start_at_the_recipe_too() {
        let mut table: Table = "[method]\nname = 'merge'\nmodels = ['a', '/b']\ntuned = ''".parse().expect("TOML");
        rebase(&mut table, Path::new("/dir"));
        let expected: Table = "[method]\nname = 'merge'\nmodels = ['/dir/a', '/b']\ntuned = ''".parse().expect("TOML");
        assert_eq!(table, expected);
    }

    #[test]
    fn a_misspelt_field_is_named_with_the_nearest() {
        let error = Recipe::read(None, &["train.learning_rat=1e-4".into()]).expect_err("no such field");
        assert_eq!(error.hint().as_deref(), Some("did you mean `train.learning_rate`?"));
        let error = Recipe::read(None, &["train.lora.rnk=8".into()]).expect_err("no such field");
        assert_eq!(error.hint().as_deref(), Some("did you mean `train.lora.rank`?"));
        let error = Recipe::read(None, &["trian.epochs=1".into()]).expect_err("no such section");
        assert_eq!(error.hint().as_deref(), Some("did you mean `train.epochs`?"));
    }

    #[test]
    fn values_out_of_range_are_refused() {
        for bad in ["train.batch_size=0", "train.learning_rate=-1.0", "train.clip=-1.0", "train.beta2=1.0"] {
            assert!(Recipe::read(None, &[bad.to_owned()]).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_an_optimiser_cannot_use_is_refused_by_name() {
        let cases = [
            ("train.momentum=0.9", "`train.momentum"),
            ("train.lion.beta2=1.0", "`train.lion.beta2"),
            ("train.sophia.every=0", "`train.sophia.every"),
            ("train.sophia.rho=0.0", "`train.sophia.rho"),
            ("train.smooth.rho=-1.0", "`train.smooth.rho"),
            ("train.smooth.samples=0", "`train.smooth.samples"),
            ("train.average.begin=1.0", "`train.average.begin"),
            ("train.folds=0", "`train.folds"),
        ];
        for (bad, said) in cases {
            let error = Recipe::read(None, &[bad.to_owned()]).expect_err(bad);
            assert!(error.to_string().contains(said), "{error}");
        }
        let sgd = ["train.optimizer=sgd".to_owned(), "train.momentum=0.9".to_owned()];
        assert!(Recipe::read(None, &sgd).is_ok());
        let near = Recipe::read(None, &["train.smooth.rh=1".to_owned()]).expect_err("no such field");
        assert_eq!(near.hint().as_deref(), Some("did you mean `train.smooth.rho`?"));
    }
}
