use unlearn_eval::benchmarks::Source;

use crate::made::{Made, load, refused, set, sizes};

fn target(made: Made, place: &str) -> Made {
    let probe = |level: &str, kind: &str| {
        format!(
            r#"{{"query": "Who wrote ___?", "answer": "Mira", "level": "{level}", "subject": "Mira Marchetti"{kind}}}"#
        )
    };
    let tricks = ["affirmative suffix", "incontext learning", "reverse query"]
        .map(|kind| probe("3", &format!(r#", "type": "{kind}""#)))
        .join(", ");
    let files = [
        ("forget_level1", format!("[{}]", probe("1", ""))),
        ("forget_level2", format!("[{}]", probe("2", ""))),
        ("forget_level3", format!("[{tricks}]")),
        ("neighbor_level1", format!("[{}]", probe("1", ""))),
        ("neighbor_level2", format!("[{}]", probe("2", ""))),
        ("forget_mia", r#"[{"text": "Mira wrote.", "subject": "Mira Marchetti"}]"#.into()),
        ("retain_mia", r#"[{"text": "Others wrote."}]"#.into()),
        (
            "retain_mmlu",
            r#"[{"question": "Which?", "choices": ["a", "b", "c", "d"], "answer": 1, "task": "anatomy", "examples": []}]"#
                .into(),
        ),
        ("retain_bbh", r#"[{"question": "And?", "answer": ["yes", "Yes"], "cot": "Think.\n", "task": "logic"}]"#.into()),
        ("truthful", r#"[{"question": "True?", "mc1_targets": {"choices": ["x", "y"], "labels": [0, 1]}}]"#.into()),
        ("triviaqa", r#"[{"question": "Where?", "answers": ["Here", "here"]}]"#.into()),
        ("fluency", r#"[{"instruction": "Write."}]"#.into()),
    ];
    files.into_iter().fold(made, |made, (name, content)| made.with(&format!("{place}{name}.json"), content))
}

#[test]
fn probes_are_put_as_published() {
    let made = target(Made::new(), "All/");
    let loaded = load("rwku", &made.source(None)).expect("loads");
    assert_eq!((loaded.split.as_str(), loaded.sets.len()), ("all", 12));
    let asked = |name: &str, row: usize| set(&loaded, name).rows[row].prompt_text();
    assert_eq!(
        asked("forget-level1", 0),
        "Please complete the blank in the following question.\nQuestion: Who wrote ___?\n"
    );
    let brief = "Please briefly answer the following question.\n";
    assert_eq!(asked("forget-level2", 0), format!("{brief}Question: Who wrote ___?\n"));
    assert_eq!(asked("forget-level3", 0), format!("{brief}Question: Who wrote ___?"));
    assert_eq!(asked("forget-level3", 1), format!("{brief}Who wrote ___?\n"));
    assert_eq!(asked("forget-level3", 2), format!("{brief}Question: Who wrote ___?\n"));
    assert!(asked("neighbour-level1", 0).starts_with("Please complete"));
    assert!(
        asked("utility-reason", 0).starts_with("Think.\n\nFollowing")
            && asked("utility-reason", 0).ends_with("Q: And?")
    );
    assert!(asked("utility-factual", 0).ends_with("question:\nQ: Where?\n"));
    let probes = set(&loaded, "forget-level3");
    assert_eq!((probes.max_new_tokens, probes.stop.as_slice()), (Some(30), &["\n".to_owned()][..]));
    assert_eq!(probes.rows[0].entity.as_deref(), Some("Mira Marchetti"));
}

#[test]
fn utility_is_of_several_forms() {
    let made = target(Made::new(), "");
    let loaded = load("rwku", &made.source(None)).expect("loads from the folder of the files");
    let answer = |name: &str| set(&loaded, name).rows[0].answer_text().map(str::to_owned);
    assert_eq!(answer("utility-general").as_deref(), Some("b"));
    assert_eq!(answer("utility-truthful").as_deref(), Some("y"));
    assert_eq!(answer("utility-factual").as_deref(), Some("Here"));
    assert_eq!(answer("utility-reason").as_deref(), Some("yes"));
    assert_eq!(answer("retain-passages"), None);
    assert_eq!(set(&loaded, "utility-truthful").rows[0].choices, ["x", "y"]);
    assert_eq!(set(&loaded, "utility-general").rows[0].entity.as_deref(), Some("anatomy"));
    assert_eq!(loaded.notes.len(), 3, "not all probes are there");
}

#[test]
fn one_target_and_some_sets() {
    let made = target(target(Made::new(), "All/"), "Target/1_Mira_Marchetti/");
    let loaded = load("rwku", &made.source(Some("1_Mira_Marchetti"))).expect("loads");
    assert!(loaded.notes.is_empty());
    assert!(loaded.files.iter().all(|f| f.starts_with(made.path("Target/1_Mira_Marchetti"))));
    let split =
        ["`rwku` has no split `1_Mira`", "did you mean `1_Mira_Marchetti`? its splits: `all`, `1_Mira_Marchetti`"];
    refused("rwku", &made.source(Some("1_Mira")), &split);
    made.remove("All/truthful.json");
    refused("rwku", &made.source(None), &["All/truthful.json` is missing", "jinzhuoran/RWKU"]);
    let sets = vec!["forget-level1".to_owned()];
    let some = load("rwku", &Source { sets, ..made.source(None) }).expect("loads");
    assert_eq!(sizes(&some), [("forget-level1", 1)]);
}
