//! Writes pages of made-up numbers to look at: `cargo run -p unlearn-report --example made_up -- FOLDER`.

#[path = "../tests/support/mod.rs"]
mod support;

use std::path::PathBuf;

use support::verdicts::{judged, judged_run};
use unlearn_core::verdict::Charge;
use unlearn_report::{Comparison, Format, SubjectColumn, samples_text, score_table_text, verdict_text};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder: PathBuf = std::env::args_os().nth(1).unwrap_or_else(|| ".".into()).into();
    let write = |name: &str, comparison: &Comparison| -> Result<(), Box<dyn std::error::Error>> {
        let path = folder.join(name);
        Ok(std::fs::write(&path, Format::of(&path)?.render(comparison))?)
    };
    let one = Comparison::of_run(judged_run("npo", 0.11, 0.92, &[Charge::Leaks]));
    let mut runs = vec![
        judged_run("npo", 0.11, 0.92, &[]),
        judged_run("grad-diff", 0.002, 0.71, &[Charge::Shuns, Charge::Damaged]),
        judged_run("rmu", 0.2, 0.88, &[]),
        judged_run("simnpo-of-a-rather-long-name", 0.4, 0.935, &[Charge::Remembers]),
    ];
    runs[1].record.finished = false;
    let mut several = Comparison::of_runs(runs);
    several.subjects.push(SubjectColumn {
        name: "retrained-seed-2".into(),
        eval: Some(judged("retrained", 0.095, 0.938, &[])),
        answers: vec![],
    });
    for end in ["html", "md", "csv"] {
        write(&format!("one.{end}"), &one)?;
        write(&format!("several.{end}"), &several)?;
    }
    print!("{}\n{}\n{}", verdict_text(&one), score_table_text(&one), samples_text(&one, 2));
    Ok(())
}
