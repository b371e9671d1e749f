//! Reading a run folder.

mod support;

use std::error::Error;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use support::{made_up_run, record};
use unlearn_core::file::write_json;
use unlearn_core::run::RunFolder;
use unlearn_report::{ReportError, RunView};

/// A folder that goes when the test ends.
struct TempDir(PathBuf);

impl TempDir {
    fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("unlearn-report-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).expect("a temporary folder");
        Self(path)
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn folder() -> (TempDir, RunFolder) {
    let dir = TempDir::new();
    let folder = RunFolder::new(&dir.0);
    write_json(&folder.record(), &record()).expect("run.json");
    (dir, folder)
}

fn jsonl<T: serde::Serialize>(rows: &[T]) -> String {
    rows.iter().map(|row| serde_json::to_string(row).expect("a row") + "\n").collect()
}

#[test]
fn everything_that_is_there_is_read() {
    let (_dir, folder) = folder();
    let mut run = made_up_run("mine", 5);
    (run.eval_retrained, run.answers_retrained) = (run.eval_before.clone(), run.answers_before.clone());
    fs::write(folder.answers_retrained(), jsonl(&run.answers_retrained)).expect("answers-retrained.jsonl");
    write_json(&folder.eval_retrained(), &run.eval_retrained).expect("eval-retrained.json");
    fs::write(folder.recipe(), run.recipe.as_deref().expect("a recipe")).expect("recipe.toml");
    fs::write(folder.events(), jsonl(&run.events)).expect("events.jsonl");
    fs::write(folder.answers(), jsonl(&run.answers)).expect("answers.jsonl");
    fs::write(folder.answers_before(), jsonl(&run.answers_before)).expect("answers-before.jsonl");
    write_json(&folder.eval(), &run.eval).expect("eval.json");
    write_json(&folder.eval_before(), &run.eval_before).expect("eval-before.json");
    assert_eq!(RunView::read(&folder, Some("mine")).expect("a run"), run);
}

#[test]
fn only_the_record_must_be_there() {
    let (dir, folder) = folder();
    let run = RunView::read(&folder, None).expect("a run");
    assert_eq!(Some(run.name.as_str()), dir.0.file_name().and_then(|n| n.to_str()));
    assert_eq!((run.eval, run.answers.len(), run.events.len()), (None, 0, 0));
    fs::remove_file(folder.record()).expect("run.json");
    assert!(matches!(RunView::read(&folder, None), Err(ReportError::File(_))));
}

#[test]
fn a_malformed_line_is_named() {
    let (_dir, folder) = folder();
    fs::write(folder.events(), "{\"event\":\"phase\",\"name\":\"train\"}\n\n{\"event\":\"st\n").expect("events.jsonl");
    let error = RunView::read(&folder, None).expect_err("half a line");
    let text = error.to_string();
    assert!(text.starts_with("line 3 of `") && text.ends_with("events.jsonl` is not valid"), "{text}");
    assert!(error.source().is_some());
}

#[test]
fn numbers_that_json_cannot_say_are_not_numbers() {
    let (_dir, folder) = folder();
    let step = r#"{"event":"step","step":1,"epoch":0.1,"loss":null,"terms":{"forget":null},"learning_rate":1e-5,"grad_norm":null,"tokens":3,"seconds":0.1}"#;
    fs::write(folder.events(), step).expect("events.jsonl");
    let run = RunView::read(&folder, None).expect("a run");
    assert!(run.steps()[0].loss.is_nan() && run.steps()[0].terms["forget"].is_nan());
}

#[test]
fn another_schema_is_refused() {
    let (_dir, folder) = folder();
    fs::write(folder.eval(), r#"{"schema":"unlearn.eval/9","subject":{"name":"","path":"","digest":""},"metrics":{}}"#)
        .expect("eval.json");
    let error = RunView::read(&folder, None).expect_err("not ours");
    assert!(error.to_string().ends_with("has the schema `unlearn.eval/9`, not `unlearn.eval/1`"), "{error}");
    assert!(error.hint().is_some());
}

#[test]
fn of_a_step_that_was_taken_twice_the_last_counts() {
    let mut run = made_up_run("mine", 5);
    let mut again = run.events[4].clone();
    if let unlearn_core::event::Event::Step(step) = &mut again {
        step.loss = 42.0;
    }
    run.events.push(unlearn_core::event::Event::Resumed { step: 4 });
    run.events.push(again);
    let losses: Vec<f64> = run.steps().iter().map(|s| s.loss).collect();
    assert_eq!(losses.len(), 4);
    assert_eq!(losses[3], 42.0);
}

#[test]
fn of_a_look_that_was_taken_twice_one_counts() {
    let mut run = support::verdicts::judged_run("mine", 0.1, 0.9, &[]);
    assert_eq!(run.watches().len(), 11);
    let again: Vec<_> = run
        .events
        .iter()
        .filter(|e| matches!(e, unlearn_core::event::Event::Watch(w) if w.step > 59))
        .cloned()
        .collect();
    run.events.push(unlearn_core::event::Event::Resumed { step: 61 });
    run.events.extend(again);
    let steps: Vec<usize> = run.watches().iter().map(|w| w.step).collect();
    assert_eq!(steps, (0..=10).map(|i| 12 * i).collect::<Vec<_>>());
}
