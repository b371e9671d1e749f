//! Writes two pages of made-up numbers to look at: `cargo run -p unlearn-report --example made_up -- FOLDER`.

#[path = "../tests/support/mod.rs"]
mod support;

use std::path::PathBuf;

use support::{eval, made_up_run};
use unlearn_report::{Comparison, SubjectColumn, render_html, samples_text, score_table_text};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder: PathBuf = std::env::args_os().nth(1).unwrap_or_else(|| ".".into()).into();
    let mut one = Comparison::of_run(made_up_run("npo", 120));
    one.subjects.push(SubjectColumn {
        name: "retrained".into(),
        eval: Some(eval("retrained", 0.05, 0.95)),
        answers: vec![],
    });
    let mut runs = vec![made_up_run("npo", 120), made_up_run("grad-diff", 400)];
    runs[1].eval = Some(eval("grad-diff", 0.002, 0.71));
    runs[1].record.finished = false;
    let several = Comparison::of_runs(runs);
    std::fs::write(folder.join("one.html"), render_html(&one))?;
    std::fs::write(folder.join("several.html"), render_html(&several))?;
    print!("{}\n{}", score_table_text(&one), samples_text(&one, 2));
    Ok(())
}
