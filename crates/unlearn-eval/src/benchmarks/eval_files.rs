//! Scores in the files that the field's other tools read: `TOFU_EVAL.json` and `TOFU_SUMMARY.json`, `MUSE_EVAL.json`
//! and `MUSE_SUMMARY.json`, with the keys and shapes of `locuslab/open-unlearning`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use unlearn_core::score::{Answer, Item, Score};
use unlearn_core::{FileError, file};

type Scores = BTreeMap<String, Score>;

/// The two files of a benchmark.
#[derive(Debug, Clone, PartialEq)]
pub struct EvalFiles {
    /// What they begin with: `TOFU` or `MUSE`.
    pub prefix: &'static str,
    /// Every metric with its aggregate and its items: `agg_value`, `value_by_index`.
    pub eval: Value,
    /// Every metric's aggregate, of those that have one.
    pub summary: Value,
}

impl EvalFiles {
    /// Writes both into a folder, and says where.
    ///
    /// # Errors
    /// When one cannot be written.
    pub fn write(&self, folder: &Path) -> Result<[PathBuf; 2], FileError> {
        let paths = ["EVAL", "SUMMARY"].map(|what| folder.join(format!("{}_{what}.json", self.prefix)));
        for (path, value) in paths.iter().zip([&self.eval, &self.summary]) {
            file::write_json(path, value)?;
        }
        Ok(paths)
    }

    fn of(prefix: &'static str, metrics: BTreeMap<String, Value>) -> Self {
        let aggregate = |(name, value): (&String, &Value)| {
            let aggregate = value.get("agg_value").filter(|v| !v.is_null())?;
            Some((name.clone(), aggregate.clone()))
        };
        let summary = metrics.iter().filter_map(aggregate).collect();
        Self { prefix, summary: Value::Object(summary), eval: Value::Object(metrics.into_iter().collect()) }
    }
}

/// The files of a benchmark, of the scores by our names; `None` where no other tool has files for it.
#[must_use]
pub fn of(benchmark: &str, scores: &Scores, answers: &[Answer]) -> Option<EvalFiles> {
    match benchmark {
        "tofu" => Some(tofu(scores, answers)),
        "muse" => Some(muse(scores, answers)),
        _ => None,
    }
}

/// `TOFU_EVAL.json` and `TOFU_SUMMARY.json`.
#[must_use]
pub fn tofu(scores: &Scores, answers: &[Answer]) -> EvalFiles {
    let mut keys = Keys { scores, answers, written: BTreeMap::new() };
    for (set, prefix, ratio) in [
        ("forget", "forget", "forget_truth_ratio"),
        ("retain", "retain", "retain_Truth_Ratio"),
        ("real-authors", "ra", "ra_Truth_Ratio"),
        ("world-facts", "wf", "wf_Truth_Ratio"),
    ] {
        for (metric, key) in [
            ("probability", "Q_A_Prob"),
            ("probability-paraphrased", "Q_A_PARA_Prob"),
            ("probability-perturbed", "Q_A_PERT_Prob"),
        ] {
            keys.items(&format!("{prefix}_{key}"), set, metric, probability);
        }
        keys.items(&format!("{prefix}_Q_A_Prob_normalised"), set, "probability-normalised", |x| json!({"prob": x}));
        keys.items(ratio, set, "truth-ratio", score);
        keys.generations(&format!("{prefix}_Q_A_ROUGE"), set, "rouge");
    }
    keys.items("exact_memorization", "forget", "exact-memorization", score);
    keys.items("extraction_strength", "forget", "extraction-strength", score);
    keys.attacks();
    for name in ["forget-quality", "model-utility", "privleak"] {
        keys.once(name);
    }
    EvalFiles::of("TOFU", keys.written)
}

/// `MUSE_EVAL.json` and `MUSE_SUMMARY.json`. Their ROUGE is without stemming, as in `swj0419/muse_bench`.
#[must_use]
pub fn muse(scores: &Scores, answers: &[Answer]) -> EvalFiles {
    let mut keys = Keys { scores, answers, written: BTreeMap::new() };
    keys.generations("forget_verbmem_ROUGE", "forget-verbatim", "verbatim");
    keys.generations("forget_knowmem_ROUGE", "forget-knowledge", "knowledge");
    keys.generations("retain_knowmem_ROUGE", "retain-knowledge", "knowledge");
    keys.items("exact_memorization", "forget-verbatim", "exact-memorization", score);
    keys.items("extraction_strength", "forget-verbatim", "extraction-strength", score);
    keys.attacks();
    keys.once("privleak");
    EvalFiles::of("MUSE", keys.written)
}

struct Keys<'a> {
    scores: &'a Scores,
    answers: &'a [Answer],
    written: BTreeMap<String, Value>,
}

impl Keys<'_> {
    /// A metric of a set's rows, if it was taken.
    fn items(&mut self, key: &str, set: &str, metric: &str, shape: fn(Value) -> Value) {
        if let Some(score) = self.scores.get(&format!("{set}/{metric}")) {
            let items = by_index(&score.per_item, shape);
            self.written.insert(key.to_owned(), json!({"agg_value": score.value, "value_by_index": items}));
        }
    }

    /// What was said to each row, with what each figure of ROUGE makes of it; the aggregate is that of one of them.
    fn generations(&mut self, key: &str, set: &str, aggregate: &str) {
        let Some(score) = self.scores.get(&format!("{set}/{aggregate}")) else { return };
        let figures = [
            ("rouge-1", "rouge1_recall"),
            ("rouge-f1", "rougeL_f1"),
            ("verbatim", "rougeL_f1"),
            ("knowledge", "rougeL_f1"),
            ("rouge", "rougeL_recall"),
        ];
        let mut items = Map::new();
        for index in 0..score.per_item.len() {
            let mut item = Map::new();
            for (metric, name) in figures {
                if let Some(taken) = self.scores.get(&format!("{set}/{metric}")) {
                    item.insert(name.to_owned(), taken.per_item.get(index).map_or(Value::Null, value));
                }
            }
            if let Some(answer) = self.answers.iter().find(|a| a.set == set && a.index == index) {
                item.insert("input".to_owned(), json!(answer.question));
                item.insert("ground_truth".to_owned(), json!(answer.answer));
                item.insert("generation".to_owned(), json!(answer.generation));
            }
            items.insert(index.to_string(), Value::Object(item));
        }
        self.written.insert(key.to_owned(), json!({"agg_value": score.value, "value_by_index": items}));
    }

    /// Membership attacks: the items are the forget rows', then the holdout rows'.
    fn attacks(&mut self) {
        for (metric, key) in [
            ("mia/loss", "mia_loss"),
            ("mia/zlib", "mia_zlib"),
            ("mia/min-k", "mia_min_k"),
            ("mia/min-k-plus-plus", "mia_min_k_plus_plus"),
            ("mia/gradient-norm", "mia_gradnorm"),
            ("mia/reference", "mia_reference"),
        ] {
            let Some(taken) = self.scores.get(metric) else { continue };
            let forget = taken.parts.get("forget-rows").map_or(0, |&n| n as usize).min(taken.per_item.len());
            let (forget, holdout) = taken.per_item.split_at(forget);
            let side = |items: &[Item]| json!({"agg_value": mean(items), "value_by_index": by_index(items, score)});
            let (forget, holdout) = (side(forget), side(holdout));
            let of = json!({"forget": forget, "holdout": holdout, "auc": taken.value, "agg_value": taken.value});
            self.written.insert(key.to_owned(), of);
        }
    }

    /// A metric that is taken once.
    fn once(&mut self, name: &str) {
        if let Some(score) = self.scores.get(name) {
            self.written.insert(name.replace('-', "_"), json!({"agg_value": score.value}));
        }
    }
}

fn by_index(items: &[Item], shape: fn(Value) -> Value) -> Value {
    Value::Object(items.iter().enumerate().map(|(i, item)| (i.to_string(), shape(value(item)))).collect())
}

fn value(item: &Item) -> Value {
    match item {
        Item::Missing => Value::Null,
        Item::Value(x) => json!(x),
        Item::Values(xs) => json!(xs),
    }
}

fn score(x: Value) -> Value {
    json!({"score": x})
}

/// A probability with the mean loss that it is the exponential of.
fn probability(x: Value) -> Value {
    let loss = |p: &Value| p.as_f64().map(|p| -p.ln());
    let losses = match &x {
        Value::Array(all) => json!(all.iter().map(loss).collect::<Vec<_>>()),
        one => json!(loss(one)),
    };
    json!({"prob": x, "avg_loss": losses})
}

fn mean(items: &[Item]) -> Option<f64> {
    let known: Vec<f64> = items.iter().filter_map(Item::value).collect();
    (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64)
}
