//! What `--dry-run` prints: what a run would do, and what it would take.

use anyhow::Result;
use serde_json::{Map, Value, json};
use unlearn_core::Recipe;
use unlearn_data::Guard;
use unlearn_engine::train::{
    Alternates, FineTune, Memory, Objective, Quantity, Question, Reference, RowSizes, Selection, Set, Sets, Side,
    Workload, seconds_per_token,
};
use unlearn_engine::{LanguageModel, checkpoint};
use unlearn_methods::Made;

use super::prepared::Prepared;
use super::{sets, training};
use crate::cli::Output;
use crate::context::Context;
use crate::job::Job;

/// Bytes that a saved state takes for each trained value: the value and two moments.
const STATE: usize = 12;

/// The plan of `run`.
pub fn of_run(context: &Context, mut prepared: Prepared, output: &Output) -> Result<()> {
    Job::check(context, "run", output, &prepared.recipe, &prepared.inputs())?;
    if let Some(guard) = &prepared.guard {
        return of_guard(context, &prepared, guard, output);
    }
    if prepared.asking.is_some() {
        // Answers that are not there yet: counted as if they were like the row's own.
        let likely = prepared.sets.forget.iter().map(|row| vec![row.clone()]).collect();
        prepared.sets.forget_alternates = Alternates::new(likely, 1);
    }
    let mut asked: Vec<Value> = answers(&prepared.question(None), prepared.width(), "objective");
    let watched = prepared.watched.as_ref();
    asked.extend(watched.and_then(|w| w.question(None)).iter().flat_map(|q| answers(q, prepared.width(), "watch")));
    let bytes: u64 = prepared.reference_bytes().iter().sum();
    let watch = watched.map(|w| {
        let ([forget, retain], every) = (w.rows(), prepared.recipe.watch.every);
        json!({"every": every, "forget": forget, "retain": retain})
    });
    let asking = prepared.asking.as_ref().map(|asking| asking.answers * prepared.forget.len());
    let Prepared { recipe, made, model, trainable, sets, .. } = prepared;
    // An edit has steps of its own; those of training on the forget set stand for them.
    let (objective, is_edit): (Box<dyn Objective>, bool) = match made {
        Made::Objective(objective) => (objective, false),
        Made::Edit(_) | Made::Guard(_) => (Box::new(FineTune), true),
    };
    let model = if trainable {
        model.unfrozen()
    } else {
        drop(model);
        training::model(context, &recipe)?
    };
    let mut facts = common(&recipe, &model, objective.as_ref(), &sets)?;
    let more = [
        ("command", json!("run")),
        ("method", json!(recipe.method_name()?)),
        ("edit", json!(is_edit)),
        ("alternates_asked_of_the_model", json!(asking)),
        ("reference", json!(asked)),
        ("reference_bytes", json!(bytes)),
        ("watch", json!(watch)),
    ];
    facts.extend(more.map(|(name, value)| (name.to_owned(), value)));
    print(context, output, facts)
}

/// The plan of a run that puts a guard before the model.
fn of_guard(context: &Context, prepared: &Prepared, guard: &Guard, output: &Output) -> Result<()> {
    let (input, output_of) = (&guard.file().input, &guard.file().output);
    let counts = [input.names.len(), input.texts.len(), output_of.names.len(), output_of.texts.len()];
    let [names, texts, answer_names, answer_texts] = counts;
    if context.common.json {
        let looks_for = json!({
            "input": {"names": names, "texts": texts},
            "output": {"names": answer_names, "texts": answer_texts},
        });
        let method = prepared.recipe.method_name()?;
        let facts = json!({"command": "run", "method": method, "guard": looks_for, "steps": 0, "out": output.out});
        return context.print(serde_json::to_string_pretty(&facts)?);
    }
    let line = |name: &str, text: String| context.print(format!("{name:18} {text}"));
    line("trained", "nothing: a guard leaves the weights as they are".into())?;
    line("questions", format!("stopped by {names} names and {texts} questions"))?;
    line("answers", format!("stopped by {answer_names} names and {answer_texts} answers"))?;
    line("written", "nothing: this was a dry run".into())
}

/// The plan of `train`.
pub fn of_train(context: &Context, recipe: &Recipe, model: &LanguageModel, sets: &Sets, output: &Output) -> Result<()> {
    Job::check(context, "train", output, recipe, &sets::inputs(recipe))?;
    let mut facts = common(recipe, model, &FineTune, sets)?;
    facts.insert("command".into(), json!("train"));
    print(context, output, facts)
}

/// What both kinds of run have.
fn common(
    recipe: &Recipe,
    model: &LanguageModel,
    objective: &dyn Objective,
    sets: &Sets,
) -> Result<Map<String, Value>> {
    let (needs, train) = (objective.needs(), &recipe.train);
    let work = Workload::of(&needs, train, sets, recipe.seed);
    let own = checkpoint::bytes_per_value(recipe.model_path()?)?;
    let memory =
        Memory::of(&model.decoder, &Selection::new(train, &model.decoder)?, train, own, RowSizes::of(sets.all()));
    let parameters = &model.parameters;
    let trained: usize = parameters.trained().into_iter().map(|i| parameters.specs()[i].len()).sum();
    let each = seconds_per_token(model, objective, train, sets)?;
    let of_set = |side: Side| sets.rows(side.sets()[0]).len();
    let rows = json!({
        "forget": of_set(Side::Forget),
        "retain": of_set(Side::Retain),
        "forget_alternates": sets.forget_alternates.rows().len(),
        "retain_alternates": sets.retain_alternates.rows().len(),
    });
    let facts = json!({
        "rows": rows,
        "steps": work.steps,
        "steps_per_epoch": work.per_epoch,
        "tokens": work.tokens,
        "parameters": parameters.count(),
        "trained_parameters": trained,
        "memory_bytes": memory.total(train.micro_tokens).round(),
        "state_bytes": trained * STATE,
        "seconds_per_token": each,
        "estimated_training_seconds": each * work.tokens as f64,
    });
    Ok(facts.as_object().cloned().unwrap_or_default())
}

/// What the reference is asked, one entry for each quantity of a set.
fn answers(question: &Question<'_>, width: usize, by: &str) -> Vec<Value> {
    let each = |need: &(Set, Quantity)| {
        let one = Question { needs: std::slice::from_ref(need), ..question.clone() };
        let (set, rows) = (need.0, question.sets.rows(need.0).len());
        let visited = question.visited.get(&set).map_or(rows, |seen| seen.iter().filter(|seen| **seen).count());
        let bytes = Reference::bytes(&one, width);
        json!({"by": by, "set": set_name(set), "what": quantity_name(need.1), "rows": visited, "bytes": bytes})
    };
    question.needs.iter().map(each).collect()
}

fn set_name(set: Set) -> &'static str {
    match set {
        Set::Forget => "forget",
        Set::ForgetAlternates => "forget_alternates",
        Set::Retain => "retain",
        Set::RetainAlternates => "retain_alternates",
    }
}

fn quantity_name(quantity: Quantity) -> String {
    match quantity {
        Quantity::TokenLogProbs => "token log-probabilities".into(),
        Quantity::Distributions => "distributions".into(),
        Quantity::Within(context) => format!("distributions after context {context}"),
        Quantity::Inner(inner) => format!("states in layer {}", inner.layer()),
    }
}

fn print(context: &Context, output: &Output, mut facts: Map<String, Value>) -> Result<()> {
    facts.insert("out".into(), json!(output.out));
    if context.common.json {
        return context.print(serde_json::to_string_pretty(&facts)?);
    }
    let number = |name: &str| facts[name].as_f64().unwrap_or_default();
    let line = |name: &str, text: String| context.print(format!("{name:18} {text}"));
    let filled = facts["rows"].as_object().into_iter().flatten().filter(|(_, n)| n.as_u64() > Some(0));
    line("rows", filled.map(|(set, n)| format!("{n} {}", set.replace('_', " "))).collect::<Vec<_>>().join(", "))?;
    line("steps", format!("{}, {} to a pass; {} tokens", facts["steps"], facts["steps_per_epoch"], facts["tokens"]))?;
    line("trained", format!("{} of {} parameters", facts["trained_parameters"], facts["parameters"]))?;
    if let Some(n) = facts.get("alternates_asked_of_the_model").and_then(Value::as_u64) {
        line("alternates", format!("{n} answers are asked of the model, counted here as long as the rows' own"))?;
    }
    for asked in facts.get("reference").and_then(Value::as_array).into_iter().flatten() {
        let text = |name: &str| asked[name].as_str().unwrap_or_default().to_owned();
        let size = bytes(asked["bytes"].as_f64().unwrap_or_default());
        let (what, set, by) = (text("what"), text("set").replace('_', " "), text("by"));
        line("reference", format!("{what} of {} {set} rows for the {by}: {size} on disk", asked["rows"]))?;
    }
    if let Some(watch) = facts.get("watch").filter(|w| !w.is_null()) {
        let (every, forget, retain) = (&watch["every"], &watch["forget"], &watch["retain"]);
        line("watch", format!("every {every} steps, {forget} forget and {retain} retain rows"))?;
    }
    line("memory", format!("about {}", bytes(number("memory_bytes"))))?;
    line("saved state", format!("{} on disk while it runs", bytes(number("state_bytes"))))?;
    line(
        "training time",
        format!(
            "about {} (an estimate from one micro-batch, without evaluation)",
            time(number("estimated_training_seconds"))
        ),
    )?;
    line("written", "nothing: this was a dry run".into())
}

fn bytes(n: f64) -> String {
    match n {
        n if n >= 1e9 => format!("{:.2} GB", n / 1e9),
        n if n >= 1e6 => format!("{:.1} MB", n / 1e6),
        n => format!("{:.1} kB", n / 1e3),
    }
}

fn time(seconds: f64) -> String {
    match seconds {
        s if s >= 7200.0 => format!("{:.1} hours", s / 3600.0),
        s if s >= 120.0 => format!("{:.0} minutes", s / 60.0),
        s => format!("{s:.1} seconds"),
    }
}
