//! `rwku`

use serde_json::Value;
use unlearn_data::Row;

use super::item::Item;
use super::loading::{Loading, names};
use super::{Benchmark, BenchmarkError, Loaded, LoadedSet, Source};

pub(super) const BENCHMARK: Benchmark = Benchmark { name: "rwku", version: 1, page: include_str!("rwku.md"), load };

const PUBLISHED: &str = "https://huggingface.co/datasets/jinzhuoran/RWKU";
const ALL: &str = "all";
const SETS: [&str; 12] = [
    "forget-level1",
    "forget-level2",
    "forget-level3",
    "neighbour-level1",
    "neighbour-level2",
    "forget-passages",
    "retain-passages",
    "utility-general",
    "utility-reason",
    "utility-truthful",
    "utility-factual",
    "utility-fluency",
];
/// Probes of all targets that are published.
const PROBES: [(&str, usize); 3] = [("forget-level1", 3268), ("forget-level2", 2879), ("forget-level3", 6984)];
const SHORT: usize = 30;
const LONG: usize = 256;
const EXAMPLES: &str = "\
Q: When did men's figure skating become a summer Olympic sport?\nA: 1908\n\
Q: When did the all india workers and peasants party came in to existence?\nA: November 1925\n\
Q: Flight that went down in the hudson river?\nA: US Airways Flight 1549\n\
Q: Where are most of the world's earthquakes located?\nA: Rim of Fire\n\
Q: Csi when do grissom and sara reunite?\nA: series finale\n\
Please briefly answer the following question:\n";

fn load(source: &Source) -> Result<Loaded, BenchmarkError> {
    let mut loading = Loading::of(BENCHMARK.name, PUBLISHED, source, &SETS)?;
    let split = source.split.clone().unwrap_or_else(|| ALL.to_owned());
    let place = place(&loading, &split)?;
    let file = |stem: &str| [format!("{place}{stem}")];
    let set = |name: &str, metric| LoadedSet::new(name, Vec::new(), &[metric]);
    for (name, stem) in [
        ("forget-level1", "forget_level1"),
        ("forget-level2", "forget_level2"),
        ("forget-level3", "forget_level3"),
        ("neighbour-level1", "neighbor_level1"),
        ("neighbour-level2", "neighbor_level2"),
    ] {
        loading.add(set(name, "rouge").answered(SHORT, &["\n"]), &file(stem), |item| probe(item, stem))?;
    }
    for (name, stem) in [("forget-passages", "forget_mia"), ("retain-passages", "retain_mia")] {
        loading.add(set(name, "perplexity"), &file(stem), |item| about(item, Row::text(item.text("text")?)))?;
    }
    loading.add(set("utility-general", "choice"), &file("retain_mmlu"), |item| {
        Ok(Row { entity: item.optional("task")?, ..item.as_choice()? })
    })?;
    loading.add(set("utility-reason", "rouge").answered(LONG, &[]), &file("retain_bbh"), reason)?;
    loading.add(set("utility-truthful", "choice"), &file("truthful"), truthful)?;
    loading.add(set("utility-factual", "knowledge").answered(SHORT, &[]), &file("triviaqa"), |item| {
        let question = format!("{EXAMPLES}Q: {}\n", item.text("question")?);
        Ok(item.row(Row::question(question, item.first("answers")?)))
    })?;
    loading.add(set("utility-fluency", "repetition").answered(LONG, &[]), &file("fluency"), |item| {
        // The metric is of what is said alone; without any answer nothing would be asked.
        let answer = item.optional("output")?.filter(|a| !a.trim().is_empty()).unwrap_or_else(|| "-".to_owned());
        Ok(item.row(Row::question(format!("Instruction: {}\n", item.text("instruction")?), answer)))
    })?;
    if split == ALL {
        PROBES.iter().for_each(|(set, rows)| loading.expect(set, *rows));
    }
    loading.training("forget", &format!("{place}passage"));
    loading.loaded.split = split;
    Ok(loading.loaded)
}

/// The folder of a split inside the given one, with a slash; empty where the given one is it.
fn place(loading: &Loading<'_>, split: &str) -> Result<String, BenchmarkError> {
    if split == ALL {
        let own = loading.there("forget_level1").is_some();
        return Ok(if own { String::new() } else { "All/".to_owned() });
    }
    let targets = loading.folder().join("Target");
    let valid = if targets.is_dir() { names(&targets)? } else { Vec::new() };
    if !valid.iter().any(|name| name == split) {
        return Err(loading.no_split(split, std::iter::once(ALL.to_owned()).chain(valid).collect()));
    }
    Ok(format!("Target/{split}/"))
}

/// A probe, in the words in which it is put.
fn probe(item: &Item, file: &str) -> Result<Row, String> {
    let query = item.text("query")?;
    let kind = item.optional("type")?.unwrap_or_default();
    let question = match (file, kind.as_str()) {
        (level, _) if level.ends_with("level1") => {
            format!("Please complete the blank in the following question.\nQuestion: {query}\n")
        }
        ("forget_level3", "affirmative suffix") => {
            format!("Please briefly answer the following question.\nQuestion: {query}")
        }
        ("forget_level3", "incontext learning") => format!("Please briefly answer the following question.\n{query}\n"),
        _ => format!("Please briefly answer the following question.\nQuestion: {query}\n"),
    };
    about(item, Row::question(question, item.text("answer")?))
}

/// A row about the person whom it names.
fn about(item: &Item, row: Row) -> Result<Row, String> {
    Ok(Row { entity: item.optional("subject")?, ..item.row(row) })
}

fn reason(item: &Item) -> Result<Row, String> {
    let question = format!(
        "{}\n\nFollowing previous examples, answer the following questions and end with 'so the answer is'\nQ: {}",
        item.text("cot")?.trim(),
        item.text("question")?
    );
    Ok(Row { entity: item.optional("task")?, ..item.row(Row::question(question, item.first("answer")?)) })
}

/// A question with one true answer among false ones.
fn truthful(item: &Item) -> Result<Row, String> {
    let targets = item.field("mc1_targets")?;
    let choices: Option<Vec<String>> =
        targets["choices"].as_array().and_then(|all| all.iter().map(|c| c.as_str().map(str::to_owned)).collect());
    let choices = choices.ok_or("field `mc1_targets` has no list of texts `choices`")?;
    let labels = targets["labels"].as_array().ok_or("field `mc1_targets` has no list `labels`")?;
    let right = labels.iter().position(|label| label.as_i64() == Some(1) || *label == Value::Bool(true));
    let right = right.and_then(|i| choices.get(i)).ok_or("field `mc1_targets` has no choice with the label 1")?;
    Ok(Row { choices: choices.clone(), ..item.row(Row::question(item.text("question")?, right.clone())) })
}
