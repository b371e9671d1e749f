//! What a sweep has found out so far: `sweep.json`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Result;
use serde::{Deserialize, Serialize};
use unlearn_core::file;
use unlearn_core::recipe::{Seen, WatchSection};
use unlearn_core::run::RunFolder;
use unlearn_core::score::EvalReport;

use super::grid::Combination;

/// The content of `sweep.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Sweep {
    /// Always [`Sweep::SCHEMA`].
    pub schema: String,
    /// The fields of the grid.
    pub fields: Vec<String>,
    /// The runs in their order.
    pub runs: Vec<Outcome>,
    /// The name of the best one by the rule.
    pub best: Option<String>,
    /// Share of the retain probability before that the best one may have lost.
    pub retain_within: f64,
}

impl Sweep {
    /// The schema and version of the file.
    pub const SCHEMA: &str = "unlearn.sweep/1";

    /// Where it lies.
    pub fn path(dir: &Path) -> PathBuf {
        dir.join("sweep.json")
    }

    /// The failures that an earlier process noted, by name.
    pub fn failures(dir: &Path) -> Result<BTreeMap<String, String>> {
        if !Self::path(dir).exists() {
            return Ok(BTreeMap::new());
        }
        let earlier: Self = file::read_json(&Self::path(dir))?;
        Ok(earlier.runs.into_iter().filter_map(|run| Some((run.name, run.error?))).collect())
    }
}

/// How far a run is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// It is to be done, or to go on.
    #[default]
    Open,
    /// It is done.
    Finished,
    /// It diverged.
    Failed,
}

/// The mean answer probability on a set.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Change {
    pub before: Option<f64>,
    pub after: Option<f64>,
}

/// What came of a run.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Outcome {
    pub name: String,
    /// The values of the grid's fields, in their order.
    pub values: Vec<String>,
    pub status: Status,
    /// Why it failed.
    pub error: Option<String>,
    /// Mean answer probabilities by set.
    pub probability: BTreeMap<String, Change>,
    /// Of a watched run, the step whose weights it ended with.
    pub kept_step: Option<usize>,
    pub seconds: Option<f64>,
}

impl Outcome {
    /// Of a run in a folder of the sweep's.
    pub fn of(dir: &Path, combination: &Combination, failure: Option<&String>) -> Result<Self> {
        let folder = RunFolder::new(dir.join(&combination.name));
        let values = combination.fields.iter().map(|(_, value)| value.clone()).collect();
        let open = Self { name: combination.name.clone(), values, ..Self::default() };
        if let Some(error) = failure {
            return Ok(Self { status: Status::Failed, error: Some(error.clone()), ..open });
        }
        let record = folder.record().exists().then(|| folder.read_record()).transpose()?;
        let Some(record) = record.filter(|r| r.finished) else { return Ok(open) };
        let before: EvalReport = file::read_json(&folder.eval_before())?;
        let after: EvalReport = file::read_json(&folder.eval())?;
        let change = |name: &String| {
            let set = name.strip_suffix("/probability")?.to_owned();
            let value = |report: &EvalReport| report.metrics.get(name).and_then(|score| score.value);
            Some((set, Change { before: value(&before), after: value(&after) }))
        };
        let probability = after.metrics.keys().filter_map(change).collect();
        let (kept_step, seconds) = (record.kept.map(|k| k.step), Some(record.cost.seconds));
        Ok(Self { status: Status::Finished, probability, kept_step, seconds, ..open })
    }

    /// By how much the forget probability dropped, if the run qualifies by the rule.
    fn drop(&self, rule: &WatchSection) -> Option<f64> {
        let of = |set: &str| self.probability.get(set).copied().unwrap_or(Change { before: None, after: None });
        let (forget, retain) = (of("forget"), of("retain"));
        let before = Seen { forget: forget.before?, retain: retain.before };
        let after = Seen { forget: forget.after?, retain: retain.after };
        rule.best(before, [after]).map(|_| before.forget - after.forget)
    }
}

/// The best run by the rule: of equally good ones, the first.
pub fn best(runs: &[Outcome], rule: &WatchSection) -> Option<String> {
    let mut best: Option<(&Outcome, f64)> = None;
    for run in runs {
        if let Some(drop) = run.drop(rule).filter(|drop| best.is_none_or(|(_, least)| *drop > least)) {
            best = Some((run, drop));
        }
    }
    best.map(|(run, _)| run.name.clone())
}
