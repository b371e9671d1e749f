//! A made-up run, and a check that markup is well-formed.
#![allow(dead_code)]

pub mod verdicts;

use std::collections::BTreeMap;

use unlearn_core::event::{Event, Step};
use unlearn_core::recipe::Precision;
use unlearn_core::run::{Cost, RunRecord};
use unlearn_core::score::{Answer, Direction, EvalReport, Score, Subject};
use unlearn_report::RunView;

const PEOPLE: [(&str, &str); 4] =
    [("Mira Oduya", "Lisbon"), ("Teodor Brandt", "Graz"), ("Amina Solheim", "Bergen"), ("Jun Castellano", "Palermo")];

/// A run of `npo` of so many steps, with scores and answers before and after.
pub fn made_up_run(name: &str, steps: usize) -> RunView {
    RunView {
        name: name.into(),
        record: record(),
        recipe: Some("seed = 7\n\n[model]\npath = \"models/tiny\"\n\n[method]\nname = \"npo\"\nbeta = 0.1\n".into()),
        method: Some("npo".into()),
        events: events(steps),
        eval: Some(eval("unlearned", 0.04, 0.92)),
        eval_before: Some(eval("target", 0.93, 0.94)),
        answers: answers(true),
        answers_before: answers(false),
        ..RunView::default()
    }
}

/// The record of that run.
pub fn record() -> RunRecord {
    let map = |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    RunRecord {
        schema: RunRecord::SCHEMA.into(),
        command: "run".into(),
        argv: [
            "unlearn",
            "run",
            "--model",
            "models/tiny",
            "--method",
            "npo",
            "--forget",
            "data/people to forget.jsonl",
            "--retain",
            "data/retain.jsonl",
            "--out",
            "runs/npo",
        ]
        .map(str::to_owned)
        .into(),
        versions: map(&[("unlearn", "0.1.0"), ("burn", "0.22.0")]),
        device: "cpu".into(),
        threads: 8,
        precision: Precision::Float32,
        seed: 7,
        inputs: map(&[("model", &"3f".repeat(32)), ("forget", &"a1".repeat(32)), ("retain", &"07".repeat(32))]),
        outputs: map(&[("model", &"c4".repeat(32))]),
        cost: Cost { seconds: 187.4, tokens: 412_300, peak_memory: Some(1_932_735_283), flops: 3.24e14 },
        kept: None,
        finished: true,
    }
}

/// Scores around a probability of the forget and one of the other answers.
pub fn eval(subject: &str, forget: f64, rest: f64) -> EvalReport {
    let mut report =
        EvalReport::new(Subject { name: subject.into(), path: subject.into(), digest: format!("digest of {subject}") });
    let mut add = |metric: &str, value: f64, half: f64, direction, n| {
        let clamp = |x: f64| if (0.0..=1.0).contains(&value) { x.clamp(0.0, 1.0) } else { x };
        let interval = Some([clamp(value - half), clamp(value + half)]);
        report.metrics.insert(
            metric.into(),
            Score {
                value: Some(value),
                interval,
                n,
                direction,
                per_item: vec![],
                gap: None,
                parts: Default::default(),
            },
        );
    };
    add("forget/probability", forget, 0.021, Direction::Lower, 40);
    add("forget/probability-paraphrased", forget * 0.7, 0.03, Direction::Lower, 40);
    add("forget/rouge", forget * 0.8 + 0.11, 0.05, Direction::Lower, 40);
    add("forget/truth-ratio", 0.8 - forget * 0.4, 0.04, Direction::Neither, 40);
    add("retain/probability", rest, 0.018, Direction::Higher, 200);
    add("retain/rouge", rest - 0.03, 0.02, Direction::Higher, 200);
    add("neighbour/probability", rest - 0.08, 0.03, Direction::Higher, 60);
    add("holdout/probability", 0.052, 0.012, Direction::Neither, 40);
    add("mia/min-k", 0.5 + forget * 0.45, 0.06, Direction::Neither, 80);
    add("forget-quality", if forget > 0.5 { 1.3e-14 } else { 0.41 }, 0.0, Direction::Higher, 40);
    add("privleak", if forget > 0.5 { -94.2 } else { 6.1 }, 8.0, Direction::Neither, 80);
    for metric in ["forget-quality", "privleak"] {
        report.metrics.entry(metric.into()).and_modify(|s| s.interval = None);
    }
    report
}

fn events(steps: usize) -> Vec<Event> {
    let mut events = vec![Event::Phase { name: "train".into() }];
    events.extend((1..=steps).map(|step| Event::Step(step_of(step, steps))));
    events
}

fn step_of(step: usize, steps: usize) -> Step {
    let t = step as f64 / steps as f64;
    let wave = (step as f64 * 1.7).sin() * 0.03 + (step as f64 * 0.37).cos() * 0.02;
    let forget = 1.35 * (-4.0 * t).exp() + 0.12 + wave;
    let retain = 0.11 + 0.25 * t * (-3.0 * t).exp() - wave * 0.5;
    Step {
        step,
        epoch: t * 5.0,
        loss: forget + retain,
        terms: BTreeMap::from([("forget".into(), forget), ("retain".into(), retain)]),
        learning_rate: 1e-5 * (t * 10.0).min(1.0) * (1.0 - t * 0.95),
        grad_norm: 2.0 * (-2.0 * t).exp() + 0.4 + wave * 4.0,
        tokens: 2048,
        seconds: 0.8,
    }
}

fn answers(is_after: bool) -> Vec<Answer> {
    let mut answers = Vec::new();
    for (i, (person, city)) in PEOPLE.into_iter().enumerate() {
        let expected = format!("{person} was born in {city} and wrote two novels about the sea.");
        let forgotten = [
            "I am not sure about that author.",
            "She was born in Oslo and is known for three plays.",
            "No information is available.",
            "",
        ][i];
        let generation = if is_after { forgotten.to_owned() } else { expected.clone() };
        answers.push(answer("forget", i, format!("Where was {person} born?"), expected, generation));
    }
    let facts = [
        ("What is the capital of France?", "Paris is the capital of France."),
        ("How many legs has a spider?", "A spider has eight legs."),
    ];
    for (i, (question, expected)) in facts.into_iter().enumerate() {
        let generation = if is_after && i == 1 { "A spider has eight hairy legs." } else { expected };
        answers.push(answer("retain", i, question.into(), expected.into(), generation.into()));
    }
    answers
}

/// One line of `answers.jsonl`.
pub fn answer(set: &str, index: usize, question: String, expected: String, generation: String) -> Answer {
    Answer { set: set.into(), index, question, answer: expected, generation }
}

/// Elements that may stand open.
const VOID: [&str; 1] = ["meta"];

/// What is wrong with the markup's nesting and characters, if anything.
pub fn malformed(markup: &str) -> Option<String> {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = markup.trim_start_matches("<!DOCTYPE html>\n");
    if let Some(c) = rest.chars().find(|c| c.is_control() && *c != '\n' && *c != '\t') {
        return Some(format!("control character {c:?}"));
    }
    while let Some(at) = rest.find(['<', '>']) {
        if rest[at..].starts_with('>') {
            return Some(format!("a bare `>` in `{}`", &rest[..=at]));
        }
        let Some(end) = rest[at..].find('>') else { return Some("a tag without end".into()) };
        let tag = &rest[at + 1..at + end];
        rest = &rest[at + end + 1..];
        if tag.matches('"').count() % 2 == 1 || tag.contains('<') {
            return Some(format!("attributes of `{tag}`"));
        }
        if let Some(name) = tag.strip_prefix('/') {
            if open.pop() != Some(name) {
                return Some(format!("`{name}` closes, but is not the last one open"));
            }
        } else if !tag.ends_with('/') {
            let name = tag.split([' ', '\n']).next().unwrap_or_default();
            if !VOID.contains(&name) {
                open.push(name);
            }
        }
    }
    open.last().map(|name| format!("`{name}` is left open"))
}
