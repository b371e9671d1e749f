use unlearn_eval::benchmarks::Source;

use crate::made::{Made, load, parquet, refused, set, shared, sizes};

#[test]
fn with_and_without_a_header() {
    let made = Made::new()
        .with("data/test/anatomy_test.csv", "\"Which, then?\",a,b,c,d,C\nAnd?,1,2,3,4,A\n")
        .with("data/test/astronomy_test.csv", "question,choice0,choice1,choice2,choice3,answer\nWhere?,w,x,y,z,3\n")
        .with("data/dev/anatomy_dev.csv", "Before?,a,b,c,d,B\n");
    let loaded = load("mmlu", &made.source(None)).expect("loads");
    assert_eq!(sizes(&loaded), [("world-knowledge", 3)]);
    let rows = &set(&loaded, "world-knowledge").rows;
    assert_eq!(rows.iter().map(|r| r.answer_text().expect("an answer")).collect::<Vec<_>>(), ["c", "1", "z"]);
    assert_eq!((rows[0].entity.as_deref(), rows[0].prompt_text().as_str()), (Some("anatomy"), "Which, then?"));
    assert_eq!(loaded.notes, ["2 of 57 subjects are there"]);
    assert_eq!(sizes(&load("mmlu", &made.source(Some("dev"))).expect("loads")), [("world-knowledge", 1)]);
    let one = load("mmlu", &made.source(Some("astronomy"))).expect("loads");
    assert_eq!((sizes(&one)[0].1, one.files.len(), one.notes.len()), (1, 1, 0));
    let files = Source::new(made.path("data/test"));
    assert_eq!(sizes(&load("mmlu", &files).expect("loads from the folder of the files"))[0].1, 3);
}

#[test]
fn files_as_they_are_on_the_hub() {
    let all = Made::new()
        .with("all/test-00000-of-00001.parquet", parquet("choices"))
        .with("all/validation-00000-of-00001.parquet", parquet("choices"))
        .with("auxiliary_train/train-00000-of-00001.parquet", "PAR1");
    let loaded = load("mmlu", &all.source(None)).expect("loads");
    let of_subjects: Vec<_> = set(&loaded, "world-knowledge").rows.iter().map(|r| r.entity.clone()).collect();
    assert_eq!(of_subjects, ["anatomy", "anatomy", "astronomy"].map(|s| Some(s.to_owned())));
    assert_eq!(loaded.notes, ["2 of 57 subjects are there"]);
    assert_eq!(sizes(&load("mmlu", &all.source(Some("val"))).expect("loads")), [("world-knowledge", 3)]);
    assert_eq!(sizes(&load("mmlu", &all.source(Some("anatomy"))).expect("loads")), [("world-knowledge", 2)]);
    refused("mmlu", &all.source(Some("anatomie")), &["did you mean `anatomy`"]);
    all.write("anatomy/test-00000-of-00001.parquet", parquet("choices"));
    let loaded = load("mmlu", &all.source(None)).expect("loads");
    assert_eq!(loaded.files.len(), 1, "subjects that have folders stand for all");
}

#[test]
fn what_is_missing_or_wrong() {
    let made = Made::new().with("test/anatomy_test.csv", "Which?,a,b,c,d,E\n").with("test/notes.txt", "");
    refused("mmlu", &made.source(None), &["test/anatomy_test.csv`, line 1", "`answer` is `E`"]);
    refused(
        "mmlu",
        &made.source(Some("anatomie")),
        &["no split `anatomie`", "did you mean `anatomy`", "`test`, `dev`"],
    );
    refused("mmlu", &made.source(Some("val")), &["val/abstract_algebra_val.csv` is missing", "holds `test`"]);
    made.write("test/anatomy_test.csv", "Which?,a,b,c,C\n");
    refused("mmlu", &made.source(None), &["test/anatomy_test.csv`, line 1: 5 cells instead of 6"]);
    made.write("test/anatomy_test.csv", "");
    refused("mmlu", &made.source(None), &["test/anatomy_test.csv` holds no rows"]);
}

#[test]
fn the_published_questions() {
    let Some(folder) = shared("mmlu") else { return };
    let loaded = load("mmlu", &Source::new(&folder)).expect("loads");
    // Eight subjects are beside the repository.
    assert_eq!(sizes(&loaded), [("world-knowledge", 1221)]);
    assert_eq!(loaded.notes, ["8 of 57 subjects are there"]);
    let rows = &set(&loaded, "world-knowledge").rows;
    assert!(rows.iter().all(|r| r.choices.len() == 4 && r.choices.iter().any(|c| Some(c.as_str()) == r.answer_text())));
    let dev = load("mmlu", &Source { split: Some("dev".into()), ..Source::new(&folder) }).expect("loads");
    assert_eq!(sizes(&dev), [("world-knowledge", 40)]);
}
