use unlearn_data::{Content, Row};
use unlearn_eval::benchmarks::Source;

use crate::made::{Made, load, refused, set, shared, sizes};

fn text(row: &Row) -> &str {
    match &row.content {
        Content::Text(text) => text,
        other => panic!("{other:?}"),
    }
}

#[test]
fn windows_joined_are_the_file() {
    let whole = format!(" \n = Mira = \n \n{}", " Mira Marchetti was a writer . \n".repeat(200));
    let made = Made::new().with("wikitext-2-raw/wiki.test.raw", &whole);
    let loaded = load("wikitext", &made.source(None)).expect("loads");
    let rows = &set(&loaded, "text").rows;
    assert_eq!(rows.iter().map(text).collect::<String>(), whole);
    assert!(rows.len() > 2 && rows.iter().all(|r| text(r).len() <= 2048 && text(r).ends_with('\n')));
    assert_eq!(rows[1].line, 1 + text(&rows[0]).lines().count());
    let some = load("wikitext", &Source { limit: Some(2), ..made.source(None) }).expect("loads");
    assert_eq!((sizes(&some), &some.sets[0].metrics), (vec![("text", 2)], &vec!["perplexity"]));
}

#[test]
fn what_is_missing_or_wrong() {
    let made = Made::new().with("wiki.test.raw", " \n").with("wiki.test.tokens", "<unk>");
    refused("wikitext", &made.source(None), &["wiki.test.raw` holds no rows"]);
    refused(
        "wikitext",
        &made.source(Some("valid")),
        &["wiki.valid.raw` is missing", "`wiki.test.raw`, `wiki.test.tokens`"],
    );
    refused("wikitext", &made.source(Some("dev")), &["no split `dev`", "its splits: `test`, `valid`, `train`"]);
    made.write("wiki.test.raw", [0xff, 0xfe]);
    let error = load("wikitext", &made.source(None)).expect_err("not UTF-8").to_string();
    assert!(error.contains("cannot read `") && error.contains("wiki.test.raw`"), "{error}");
}

#[test]
fn the_published_text() {
    let Some(folder) = shared("wikitext2") else { return };
    let loaded = load("wikitext", &Source::new(&folder)).expect("loads");
    let rows = &set(&loaded, "text").rows;
    assert_eq!(rows.iter().map(|r| text(r).len()).sum::<usize>(), 1_290_547);
    assert!(rows.len() > 640 && rows.len() < 1000, "{} windows", rows.len());
}
