//! Models, goals and searches over them.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use unlearn_core::recipe::ChatSection;
use unlearn_data::Row;
use unlearn_engine::init::random_model;
use unlearn_engine::prompt::{gradient, losses};
use unlearn_engine::{LanguageModel, device};
use unlearn_eval::attacks::prompt_search::{
    AutoPrompt, Budget, Gcg, Goal, Moves, Outcome, Place, Problem, RandomSearch, Words, search,
};

pub const ANY: Words = Words { ascii: false, reversible: false };

pub fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/golden").join(name)
}

pub fn model(name: &str) -> LanguageModel {
    LanguageModel::read(&golden(name), &device::by_name("cpu").expect("cpu")).expect("the golden model")
}

pub fn llama() -> LanguageModel {
    model("models/llama")
}

/// A new llama with a vocabulary as wide as real ones are beside the number of prompts that can be tried, and scores
/// that differ.
pub fn wide() -> LanguageModel {
    let small = model("metrics/model");
    let config = json!({
        "model_type": "llama", "vocab_size": 8192, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 4, "max_position_embeddings": 128, "rms_norm_eps": 1e-6,
        "hidden_act": "silu", "tie_word_embeddings": false,
    });
    let (tokenizer, template) = (small.tokenizer.expect("a tokenizer"), small.template.expect("a template"));
    let device = device::by_name("cpu").expect("cpu");
    let mut model = random_model(config, tokenizer, template, 3, &device).expect("a model");
    let specs: Vec<String> = model.parameters.specs().iter().map(|s| s.name.clone()).collect();
    for (i, name) in specs.iter().enumerate() {
        let by = match name.as_str() {
            name if name.starts_with("lm_head") => 60.0,
            name if name.contains("v_proj") || name.contains("o_proj") => 8.0,
            _ => continue,
        };
        model.parameters.update(i, |values| values.iter_mut().for_each(|x| *x *= by));
    }
    model
}

pub fn ids(seed: u32, n: usize) -> Vec<u32> {
    (0..n as u32).map(|i| (seed * 31 + i * 17 + i * i * seed) % 90).collect()
}

pub fn goal(seed: u32, target: usize) -> Goal {
    Goal { before: ids(seed, 6), after: ids(seed + 7, 2), target: ids(seed + 20, target), ..Goal::default() }
}

/// The golden questions, with their own answers or another.
pub fn questions(model: &LanguageModel, target: Option<&str>) -> Vec<Goal> {
    let encoder = model.encoder(&ChatSection::default());
    let text = std::fs::read_to_string(golden("metrics/forget.jsonl")).expect("rows");
    let one = |line: &str| {
        let row: Value = serde_json::from_str(line).expect("JSON");
        let field = |name: &str| row[name].as_str().expect("a text").to_owned();
        let row = Row::question(field("question"), field("answer"));
        Goal::of(&encoder, &row, Place::Suffix, target).expect("a goal")
    };
    text.lines().map(one).collect()
}

pub fn start(slots: usize) -> Vec<u32> {
    vec![5; slots]
}

pub fn small() -> Gcg {
    Gcg { search_width: 16, top_k: 8, buffer: 1, ..Gcg::default() }
}

pub fn auto() -> AutoPrompt {
    AutoPrompt::default()
}

pub fn random() -> RandomSearch {
    RandomSearch { search_width: 16, ..RandomSearch::default() }
}

pub fn steps(n: usize) -> Budget {
    Budget { steps: Some(n), ..Budget::default() }
}

pub fn run<M: Moves>(moves: &M, problem: &Problem<'_>, slots: usize, budget: &Budget) -> Outcome {
    let mut on = |_: &_| ControlFlow::Continue(());
    search(moves, problem, (&start(slots), 1), budget, None, &mut on).expect("searches")
}

pub fn problem<'a>(model: &'a LanguageModel, goals: &[Goal], slots: usize) -> Problem<'a> {
    Problem::new(model, goals, slots, ANY, 2048).expect("a problem")
}

/// Pearson's correlation of the first-order score of single substitutions with what they do to the loss.
pub fn correlation(model: &LanguageModel, goal: &Goal, slots: usize) -> f64 {
    let vocabulary = model.decoder.config().vocab_size;
    let row = goal.slotted(model, slots).expect("a row");
    let current = ids(4, slots);
    let found = gradient(model, std::slice::from_ref(&row), &current);
    let places = (0..slots).flat_map(|at| (0..vocabulary).step_by(vocabulary / 32).map(move |id| (at, id)));
    let (mut scores, mut fillings) = (Vec::new(), Vec::new());
    for (at, id) in places {
        let mut filling = current.clone();
        filling[at] = id as u32;
        let by = |id: usize| f64::from(found.gradient[at * vocabulary + id]);
        scores.push(by(id) - by(current[at] as usize));
        fillings.push(filling);
    }
    let changes = losses(model, &row, &current, &fillings, 2048).losses;
    let n = scores.len() as f64;
    let mean = |x: &[f64]| x.iter().sum::<f64>() / n;
    let (of_scores, of_changes) = (mean(&scores), mean(&changes));
    let product = |f: &dyn Fn(f64, f64) -> f64| {
        scores.iter().zip(&changes).map(|(s, c)| f(s - of_scores, c - of_changes)).sum::<f64>()
    };
    product(&|s, c| s * c) / (product(&|s, _| s * s) * product(&|_, c| c * c)).sqrt()
}
