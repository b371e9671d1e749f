//! What holds of every metric.

use std::collections::BTreeSet;
use std::path::Path;

use unlearn_eval::metrics::{METRICS, Takes, by_name};

const HEADINGS: [&str; 5] = ["# Idea", "# Formula", "# Paper", "# Reference implementation", "# Deviations"];

#[test]
fn every_metric_is_one_file_under_its_name_with_a_page() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/metrics");
    for metric in METRICS {
        let file = sources.join(format!("{}.rs", metric.name.replace('-', "_")));
        let source = std::fs::read_to_string(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        assert!(source.starts_with(&format!("//! `{}`\n", metric.name)), "{}", metric.name);
        let mut from = 0;
        for heading in HEADINGS {
            let at = metric.page[from..].find(heading);
            from += at.unwrap_or_else(|| panic!("{}: `{heading}` is missing or out of order", metric.name));
        }
        assert!(!metric.page.contains("  "), "{}: two spaces in a row", metric.name);
    }
    let names: BTreeSet<&str> = METRICS.iter().map(|m| m.name).collect();
    assert_eq!(names.len(), METRICS.len(), "each name once");
}

#[test]
fn the_usual_ones_need_neither_samples_nor_states() {
    let usual = by_name(&[]).expect("the usual ones");
    assert!(usual.iter().all(|m| !m.needs.samples && !m.needs.inside));
    assert_eq!(by_name(&["all".to_owned()]).expect("all").len(), METRICS.len());
    let error = by_name(&["probabilty".to_owned()]).err().expect("no such metric").to_string();
    assert!(error.contains("`probabilty`"), "{error}");
}

#[test]
fn what_is_taken_once_has_no_set_in_its_name() {
    for metric in METRICS {
        let attack = metric.name.starts_with("mia/");
        assert_eq!(attack, matches!(metric.takes, Takes::Members(_)), "{}", metric.name);
    }
}
