use unlearn_data::Content;
use unlearn_eval::EvalSet;
use unlearn_eval::benchmarks::Source;

use crate::made::{Made, load, questions, set, shared, sizes};

const MORE: &str =
    r#", "paraphrased_question": "Q?", "paraphrased_answer": "A.", "perturbed_answer": ["No.", "Neither."]"#;

pub fn folder() -> Made {
    let wrong = r#", "perturbed_answer": ["No."]"#;
    Made::new()
        .with("forget05_perturbed.json", questions(21, MORE))
        .with("retain_perturbed.json", questions(41, MORE))
        .with("real_authors_perturbed.json", questions(3, wrong))
        .with("world_facts_perturbed.json", questions(4, wrong))
        .with("holdout05.json", format!("[{}]", questions(2, "").trim_end().replace('\n', ",")))
        .with("retain95.json", questions(1, ""))
}

#[test]
fn sets_authors_and_settings() {
    let made = folder();
    let loaded = load("tofu", &made.source(Some("forget05"))).expect("loads");
    let expected =
        [("forget", 21), ("paraphrased", 21), ("retain", 41), ("real-authors", 3), ("world-facts", 4), ("holdout", 2)];
    assert_eq!(sizes(&loaded), expected);
    let authors = |name: &str| [0, 20].map(|i| set(&loaded, name).rows[i].entity.clone().expect("an author"));
    assert_eq!(authors("forget"), ["author-190", "author-191"]);
    assert_eq!(authors("retain"), ["author-0", "author-1"]);
    assert_eq!(set(&loaded, "holdout").rows[1].entity.as_deref(), Some("holdout-author-0"));
    assert_eq!(set(&loaded, "real-authors").rows[0].entity, None);

    let forget = set(&loaded, "forget");
    assert_eq!((forget.max_new_tokens, forget.stop.len()), (Some(200), 0));
    assert!(forget.metrics.contains(&"extraction-strength") && forget.metrics.contains(&"mia/min-k"));
    assert!(set(&loaded, "world-facts").metrics.contains(&"probability-normalised"));
    assert_eq!(forget.rows[0].perturbed_answer.len(), 2);
    assert_eq!(*forget.rows[3].path, made.path("forget05_perturbed.json"));
    assert_eq!(forget.rows[3].line, 4);
    let asked = &set(&loaded, "paraphrased").rows[5].content;
    assert_eq!(*asked, Content::Question { question: "Q?".into(), answer: "Number 5.".into() });

    assert_eq!(loaded.once, ["forget-quality", "privleak", "model-utility"]);
    assert_eq!(loaded.training, [("retain", made.path("retain95.json"))]);
    assert_eq!(loaded.notes[0], "`forget` has 21 rows; 200 are published");
    let metrics = loaded.metrics();
    assert_eq!(metrics.iter().filter(|&&m| m == "probability").count(), 1);
    assert!(metrics.contains(&"model-utility"));
    let sets: Vec<EvalSet> = loaded.sets.into_iter().map(EvalSet::from).collect();
    assert!(sets[0].wants("mia/loss") && !sets[1].wants("mia/loss"));
}

#[test]
fn at_most_some_rows_of_some_sets() {
    let made = folder();
    made.remove("world_facts_perturbed.json");
    let sets = ["forget", "holdout"].map(str::to_owned).to_vec();
    let source = Source { limit: Some(2), sets, ..made.source(Some("forget05")) };
    let loaded = load("tofu", &source).expect("loads, though a file of another set is missing");
    assert_eq!(sizes(&loaded), [("forget", 2), ("holdout", 2)]);
    assert_eq!(set(&loaded, "forget").rows[1].answer_text(), Some("Number 1."));
    assert_eq!(loaded.files.len(), 2);
    assert!(loaded.notes.is_empty());
}

#[test]
fn the_published_files() {
    let Some(folder) = shared("tofu") else { return };
    for (split, size, retain) in
        [("forget01", 40, "retain99.json"), ("forget05", 200, "retain95.json"), ("forget10", 400, "retain90.json")]
    {
        let source = Source { split: Some(split.into()), ..Source::new(&folder) };
        let loaded = load("tofu", &source).expect("loads");
        let expected = [
            ("forget", size),
            ("paraphrased", size),
            ("retain", 400),
            ("real-authors", 100),
            ("world-facts", 117),
            ("holdout", size),
        ];
        assert_eq!(sizes(&loaded), expected);
        assert_eq!(loaded.notes, Vec::<String>::new());
        let forget = &set(&loaded, "forget").rows;
        assert!(forget.iter().all(|r| r.perturbed_answer.len() == 5 && r.paraphrased_answer.is_some()));
        // The last author of all is the last one of each split.
        assert_eq!(forget[size - 1].entity.as_deref(), Some("author-199"));
        let retained = loaded.training.iter().find(|(role, _)| *role == "retain").expect("files to train on");
        assert_eq!(retained.1.file_name().expect("a name"), retain);
    }
    assert_eq!(load("tofu", &Source::new(&folder)).expect("loads").split, "forget10");
}
