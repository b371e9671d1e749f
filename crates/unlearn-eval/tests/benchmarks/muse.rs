use unlearn_data::Content;

use crate::made::{Made, load, parquet, questions, refused, set, sizes};

/// The layout of `load_data.py`, for one corpus.
fn corpus(made: Made, place: &str) -> Made {
    let array = |lines: String| format!("[{}]", lines.trim_end().replace('\n', ","));
    let mut made = made.with(
        &format!("{place}verbmem/forget.json"),
        r#"[{"prompt": "It was", "gt": "a dark night."}, {"prompt": "And ", "gt": "then."}]"#,
    );
    for side in ["forget", "retain"] {
        made = made
            .with(&format!("{place}knowmem/{side}_qa.json"), array(questions(3, "")))
            .with(&format!("{place}knowmem/{side}_qa_icl.json"), array(questions(2, "")));
    }
    for name in ["forget", "retain", "holdout"] {
        made = made.with(&format!("{place}privleak/{name}.json"), r#"["One text.", "Another."]"#);
    }
    for name in ["forget", "retain1", "retain2", "holdout"] {
        made = made.with(&format!("{place}raw/{name}.json"), format!("[\"{}\"]", "word ".repeat(1000)));
    }
    made
}

#[test]
fn the_layout_of_the_benchmarks_own_code() {
    let made = corpus(Made::new(), "news/");
    let loaded = load("muse", &made.source(None)).expect("loads");
    assert_eq!(loaded.split, "news");
    let expected = [
        ("forget-verbatim", 2),
        ("forget-knowledge", 3),
        ("retain-knowledge", 3),
        ("forget", 2),
        ("retain", 2),
        ("holdout", 2),
    ];
    assert_eq!(sizes(&loaded), expected);
    let completion = |name: &str, row: usize| match &set(&loaded, name).rows[row].content {
        Content::Completion { prompt, completion } => (prompt.clone(), completion.clone()),
        other => panic!("{other:?}"),
    };
    assert_eq!(completion("forget-verbatim", 0), ("It was ".into(), "a dark night.".into()));
    assert_eq!(completion("forget-verbatim", 1), ("And ".into(), "then.".into()));
    let examples = "Question: Who is 0?\nAnswer: Number 0.\n\nQuestion: Who is 1?\nAnswer: Number 1.\n\n";
    let (prompt, answer) = completion("retain-knowledge", 2);
    assert_eq!(prompt, format!("{examples}Question: Who is 2?\nAnswer: "));
    assert_eq!(answer, "Number 2.");
    let knowledge = set(&loaded, "forget-knowledge");
    assert_eq!((knowledge.max_new_tokens, knowledge.stop.len()), (Some(32), 3));
    assert_eq!(set(&loaded, "forget-verbatim").max_new_tokens, Some(128));
    assert_eq!(set(&loaded, "holdout").rows[1].content, Content::Text("Another.".into()));
    assert_eq!(loaded.once, ["privleak"]);
    assert_eq!(loaded.files.len(), 8, "the examples are read too");
    assert_eq!(loaded.training.len(), 2);
}

#[test]
fn a_dataset_as_it_is_exported() {
    let made = corpus(Made::new(), "MUSE-Books/");
    made.remove("MUSE-Books/privleak/holdout.json");
    made.write("MUSE-Books/privleak/holdout-00000-of-00001.jsonl", "{\"text\": \"One.\"}\n");
    let loaded = load("muse", &made.source(None)).expect("loads");
    assert_eq!((loaded.split.as_str(), set(&loaded, "holdout").rows.len()), ("books", 1));
    // The folder of one dataset, by its own name.
    let source = unlearn_eval::benchmarks::Source::new(made.path("MUSE-Books"));
    assert_eq!(load("muse", &source).expect("loads").split, "books");
    let other = unlearn_eval::benchmarks::Source { split: Some("news".into()), ..source };
    refused("muse", &other, &["MUSE-Books/news/verbmem/forget.json` is missing"]);
}

#[test]
fn texts_are_cut_into_windows() {
    let mut made = corpus(Made::new(), "news/");
    for (crit, fold) in (1..=4).flat_map(|fold| [("scal", fold), ("sust", fold)]) {
        made = made.with(&format!("news/{crit}/forget_{fold}.json"), r#"["A text."]"#);
    }
    let loaded = load("muse", &made.source(Some("news-raw"))).expect("loads");
    assert_eq!(sizes(&loaded), [("forget-raw", 3), ("retain1-raw", 3), ("retain2-raw", 3), ("holdout-raw", 3)]);
    assert_eq!(set(&loaded, "forget-raw").metrics, ["perplexity"]);
    for (split, first) in [("news-scal", "forget-scal-1"), ("news-sust", "forget-sust-1")] {
        let loaded = load("muse", &made.source(Some(split))).expect("loads");
        assert_eq!((loaded.sets.len(), sizes(&loaded)[0]), (4, (first, 1)));
    }
}

#[test]
fn which_corpus_is_meant() {
    let made = corpus(corpus(Made::new(), "news/"), "books/");
    refused("muse", &made.source(None), &["which part of `muse` is meant", "`news`, `books`, `news-raw`"]);
    assert_eq!(load("muse", &made.source(Some("books"))).expect("loads").split, "books");
    refused("muse", &made.source(Some("book")), &["`muse` has no split `book`", "did you mean `books`?"]);
}

#[test]
fn files_as_they_are_published() {
    let made = corpus(Made::new(), "news/");
    made.remove("news/knowmem/retain_qa.json");
    made.write("news/knowmem/retain_qa-00000-of-00001.parquet", parquet("questions"));
    let loaded = load("muse", &made.source(None)).expect("loads");
    assert_eq!(set(&loaded, "retain-knowledge").rows.len(), 43);
    made.write("news/knowmem/retain_qa-00000-of-00001.parquet", parquet("refused/blob"));
    refused("muse", &made.source(None), &["column `image.bytes`", "write the file again without the column"]);
}
