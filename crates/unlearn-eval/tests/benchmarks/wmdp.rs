use crate::made::{Made, load, parquet, refused, set, sizes};

const ROW: &str = r#"{"answer": 2, "question": "Which of these?", "choices": ["a", "b", "c", "d"]}"#;

#[test]
fn exported_files_in_every_place() {
    for names in [
        ["wmdp-bio/test.jsonl", "wmdp-chem/test.jsonl", "wmdp-cyber/test.jsonl"],
        ["wmdp-bio.jsonl", "wmdp-chem-00000-of-00001.jsonl", "wmdp_cyber.jsonl"],
        ["wmdp-bio/test-00000-of-00001.jsonl", "chem_questions.json", "cyber_questions.json"],
    ] {
        let made = names.iter().fold(Made::new(), |made, name| made.with(name, format!("{ROW}\n{ROW}\n")));
        let loaded = load("wmdp", &made.source(None)).expect("loads");
        assert_eq!(sizes(&loaded), [("forget-bio", 2), ("forget-chem", 2), ("forget-cyber", 2)]);
        let row = &set(&loaded, "forget-chem").rows[1];
        assert_eq!((row.choices.len(), row.answer_text()), (4, Some("c")));
        assert_eq!(loaded.notes[0], "`forget-bio` has 2 rows; 1273 are published");
        let one = load("wmdp", &made.source(Some("cyber"))).expect("loads");
        assert_eq!(sizes(&one), [("forget-cyber", 2)]);
    }
}

#[test]
fn files_as_they_are_published() {
    let made = ["bio", "chem", "cyber"].iter().fold(Made::new(), |made, subject| {
        made.with(&format!("wmdp-{subject}/test-00000-of-00001.parquet"), parquet("choices"))
    });
    let loaded = load("wmdp", &made.source(None)).expect("loads");
    assert_eq!(sizes(&loaded), [("forget-bio", 3), ("forget-chem", 3), ("forget-cyber", 3)]);
    assert_eq!(set(&loaded, "forget-cyber").rows[2].answer_text(), Some("z"));
}

#[test]
fn what_is_missing_or_wrong() {
    let made = Made::new().with("wmdp-bio/test-00000-of-00001.parquet", "PAR1");
    let refusal = ["test-00000-of-00001.parquet` cannot be read as a parquet file", "the file was cut", "cais/wmdp"];
    refused("wmdp", &made.source(None), &refusal);
    let made = Made::new().with("notes.txt", "");
    refused("wmdp", &made.source(None), &["wmdp-bio/test.json` is missing", "holds `notes.txt`"]);
    let made = Made::new().with("wmdp-bio.json", format!("[{ROW}, {}]", ROW.replace("2", "4")));
    refused("wmdp", &made.source(Some("bio")), &["wmdp-bio.json`, line 2", "counted from 0 to 3", "cais/wmdp"]);
    let made = Made::new().with("wmdp-bio.json", r#"[{"question": "Q", "answer": "A"}]"#);
    refused("wmdp", &made.source(Some("bio")), &["line 1: the row has no field `choices`"]);
}
