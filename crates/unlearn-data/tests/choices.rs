//! Rows of multiple choice, and whom a row is about.

use std::fs;

use tempfile::TempDir;
use unlearn_data::{Content, DataError, Row, read};

fn rows(name: &str, content: &str) -> Result<Vec<Row>, DataError> {
    let dir = TempDir::new().expect("temp dir");
    let path = dir.path().join(name);
    fs::write(&path, content).expect("writes");
    read::rows(&path, None)
}

fn one(row: &str) -> Result<Row, String> {
    rows("a.jsonl", row).map(|mut rows| rows.remove(0)).map_err(|e| e.to_string())
}

fn answer(row: &str) -> String {
    one(row).expect("a row").answer_text().expect("an answer").to_owned()
}

fn refused(row: &str, expected: &str) {
    let error = one(row).expect_err("not a row");
    assert!(error.contains(expected), "{error}\ndoes not say {expected}");
}

#[test]
fn the_right_choice_is_named_by_index_letter_or_text() {
    for given in ["1", "\"B\"", "\"green\""] {
        let row = one(&format!(r#"{{"question": "Which?", "choices": ["red", "green"], "answer": {given}}}"#));
        let row = row.expect("a row");
        assert_eq!(row.choices, ["red", "green"]);
        assert_eq!(row.content, Content::Question { question: "Which?".into(), answer: "green".into() });
    }
    // A letter that is the text of its own choice says the same twice; a number in quotes is a text.
    assert_eq!(answer(r#"{"question": "Q", "choices": ["A", "B"], "answer": "B"}"#), "B");
    assert_eq!(answer(r#"{"question": "Q", "choices": ["1", "0"], "answer": "1"}"#), "1");
    // By index, a choice may be there twice.
    assert_eq!(answer(r#"{"question": "Q", "choices": ["x", "x", "y"], "answer": 1}"#), "x");
}

#[test]
fn choices_that_cannot_be_used() {
    let row = |choices: &str, answer: &str| format!(r#"{{"question": "Q", "choices": {choices}, "answer": {answer}}}"#);
    for (choices, answer, expected) in [
        (r#"["x", "y"]"#, "2", "`answer` is 2, and choices are counted from 0 to 1"),
        (r#"["x", "y"]"#, "-1", "`answer` is -1"),
        (r#"["x", "y"]"#, "0.5", "`answer` is 0.5"),
        (r#"["x", "y"]"#, r#""C""#, "`answer` is `C`, neither one of the choices nor the letter of one"),
        (r#"["x", "y"]"#, r#""z""#, "`answer` is `z`, neither"),
        (r#"["x", "y"]"#, "[0]", "neither an index, a letter nor one of the choices but [0]"),
        (r#"["x", "y"]"#, "null", "no field `answer`"),
        (r#"["x"]"#, "0", "`choices` holds 1 of the two or more"),
        ("[]", "0", "`choices` holds 0"),
        (r#""x""#, "0", "`choices` holds 1"),
        ("[1, 2]", "0", "`choices` is not a list of texts"),
        (r#"["x", "x", "y"]"#, r#""x""#, "`answer` is `x`, which is more than one of the choices"),
        (r#"["B", "A"]"#, r#""A""#, "the letter of one choice and the text of another"),
    ] {
        refused(&row(choices, answer), expected);
    }
    refused(r#"{"prompt": "P", "choices": ["x", "y"], "answer": 0}"#, "no field `question`");
    refused(r#"{"question": "Q", "choice0": "x", "choice2": "y", "answer": 0}"#, "no field `choice1` but a later one");
}

#[test]
fn a_table_has_a_column_for_each_choice() {
    let table = "question,choice0,choice1,choice2,answer\nWhich?,3,2,1,0\n\"Who, then?\",x,y,,1\n";
    let read = rows("a.csv", table).expect("rows");
    // The answer is an index, though it may look like the text of another choice.
    assert_eq!(read[0].answer_text(), Some("3"));
    assert_eq!(read[0].choices, ["3", "2", "1"]);
    assert_eq!((read[1].answer_text(), read[1].choices.len(), read[1].line), (Some("y"), 2, 3));
    let list = rows("b.csv", "question,choices,answer\nWhich?,\"[\"\"x\"\", \"\"y\"\"]\",B\n").expect("rows");
    assert_eq!((list[0].choices.len(), list[0].answer_text()), (2, Some("y")));
}

#[test]
fn a_table_may_name_its_columns_or_not() {
    let dir = TempDir::new().expect("temp dir");
    let path = dir.path().join("a.csv");
    let names = ["question", "choice0", "choice1", "answer"];
    for content in ["question,choice0,choice1,answer\nWhich?,x,y,B\n", "Which?,x,y,B\n"] {
        fs::write(&path, content).expect("writes");
        let values = read::table(&path, &names).expect("values");
        assert_eq!(values.len(), 1);
        let field = |name: &str| values[0].1[name].as_str().expect("a text");
        assert_eq!((field("question"), field("answer")), ("Which?", "B"));
    }
    fs::write(&path, "Which?,x,B\n").expect("writes");
    let error = read::table(&path, &names).expect_err("too few cells").to_string();
    assert!(error.contains("line 1: 3 cells instead of 4"), "{error}");
}

#[test]
fn a_row_is_about_an_entity() {
    let entity = |row: &str| one(row).expect("a row").entity;
    assert_eq!(entity(r#"{"text": "T", "entity": "Mira"}"#), Some("Mira".into()));
    assert_eq!(entity(r#"{"text": "T", "fact": {"subject": "Mira", "object": "x"}}"#), Some("Mira".into()));
    assert_eq!(entity(r#"{"text": "T", "entity": "Pavla", "fact": {"subject": "Mira"}}"#), Some("Pavla".into()));
    assert_eq!(entity(r#"{"text": "T", "fact": "Mira was here"}"#), None);
    refused(r#"{"text": "T", "entity": 3}"#, "`entity` is not a text but 3");
}

#[test]
fn an_array_of_texts_is_rows_of_text() {
    let read = rows("a.json", r#"["One.", "Two."]"#).expect("rows");
    assert_eq!(read[1].content, Content::Text("Two.".into()));
    assert_eq!(read[1].line, 2);
}
