//! `unlearn benchmarks`

mod common;

use common::Scratch;

fn said(scratch: &Scratch, line: &str) -> String {
    let output = scratch.run(line);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

#[test]
fn benchmarks_are_listed_and_shown() {
    let scratch = Scratch::new();
    let names = ["tofu", "muse", "wmdp", "rwku", "mmlu", "wikitext"];
    let list = said(&scratch, "benchmarks");
    assert_eq!(list.lines().filter_map(|l| l.split_whitespace().next()).collect::<Vec<_>>(), names);
    let json = said(&scratch, "benchmarks --json");
    for (line, name) in json.lines().zip(names) {
        let entry: serde_json::Value = serde_json::from_str(line).expect("JSON");
        assert_eq!(entry["name"], name);
        assert!(entry["summary"].as_str().is_some_and(|s| s.len() > 40), "{entry}");
    }
    let page = said(&scratch, "benchmarks show tofu");
    assert!(page.starts_with("# Idea") && page.contains("# Published numbers"), "{page}");
    let entry: serde_json::Value = serde_json::from_str(&said(&scratch, "benchmarks show muse --json")).expect("JSON");
    assert_eq!((&entry["name"], &entry["version"]), (&"muse".into(), &1.into()));
    scratch.refuse(&[("benchmarks show tofoo", &["unknown benchmark `tofoo`", "did you mean `tofu`?"])]);
}
