//! Parquet files that pyarrow wrote, beside the same rows as JSON lines, and files that are damaged.

use std::path::{Path, PathBuf};

use serde_json::Value;
use unlearn_data::{Content, DataError, Row, read};

const NAMES: [&str; 6] = ["questions", "questions-gzip", "questions-plain", "choices", "messages", "tokens"];

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/parquet").join(name)
}

fn values(name: &str) -> Vec<(usize, Value)> {
    read::values(&file(name)).expect("values")
}

fn rows(name: &str) -> Vec<Row> {
    let rows = read::rows(&file(name), None).expect("rows");
    rows.into_iter().map(|row| Row { path: Default::default(), ..row }).collect()
}

#[test]
fn a_parquet_file_holds_what_its_json_lines_do() {
    for name in NAMES {
        let (ours, lines) = (format!("{name}.parquet"), format!("{name}.jsonl"));
        assert_eq!(values(&ours), values(&lines), "{name}");
        assert_eq!(rows(&ours), rows(&lines), "{name}");
    }
    let questions = rows("questions.parquet");
    assert_eq!((questions.len(), questions[42].line), (43, 43));
    assert_eq!(questions[1].answer_text(), Some("Nobody – “every” child 🎓."));
    assert_eq!((questions[0].perturbed_answer.len(), questions[1].entity.as_deref()), (2, Some("Ö. Quill")));
    let Content::Messages(messages) = &rows("messages.parquet")[1].content else { panic!("a conversation") };
    assert_eq!((messages.len(), messages[0].role.as_str()), (3, "system"));
    assert_eq!(rows("choices.parquet")[2].answer_text(), Some("z"));
    assert_eq!(read::rows(&file("questions.parquet"), Some(2)).expect("rows").len(), 2);
}

#[test]
fn what_is_not_read_is_named_with_its_column() {
    for (name, said) in [
        ("zstd", "column `text`: it is compressed by ZSTD"),
        ("blob", "column `image.bytes`: it holds bytes that are not marked as text"),
        ("time", "column `seen`: it holds dates or times"),
        ("decimal", "column `price`: it holds decimal numbers"),
        ("map", "column `tags`: it holds maps"),
        ("no-rows", "holds no rows"),
    ] {
        let error = read::rows(&file(&format!("refused/{name}.parquet")), None).expect_err(name);
        assert!(error.to_string().contains(said) && error.to_string().contains(name), "{error}");
        assert!(name == "no-rows" || error.hint().is_some_and(|hint| hint.contains("snappy")), "{error}");
    }
}

fn read_bytes(bytes: &[u8]) -> Result<Vec<(usize, Value)>, DataError> {
    let folder = tempfile::tempdir().expect("temp dir");
    let path = folder.path().join("made.parquet");
    std::fs::write(&path, bytes).expect("writes");
    read::values(&path)
}

#[test]
fn a_cut_file_is_refused_wherever_it_was_cut() {
    let whole = std::fs::read(file("choices.parquet")).expect("bytes");
    for length in 0..whole.len() {
        let error = read_bytes(&whole[..length]).expect_err("cut");
        assert!(matches!(error, DataError::Parquet { .. }) && error.hint().is_some(), "{length}: {error}");
    }
    let error = read_bytes(b"{\"text\": \"not parquet\"}\n").expect_err("of another kind");
    assert!(error.to_string().contains("made.parquet` cannot be read as a parquet file"), "{error}");
    let missing = read::values(Path::new("nowhere.parquet")).expect_err("missing");
    assert!(matches!(missing, DataError::File(_)), "{missing}");
}

#[test]
fn a_damaged_file_is_an_error_or_other_rows_and_never_a_panic() {
    let mut refused = 0;
    for name in ["choices.parquet", "messages.parquet"] {
        let whole = std::fs::read(file(name)).expect("bytes");
        for place in 0..whole.len() {
            for change in [0x01, 0x80, 0xff] {
                let mut bytes = whole.clone();
                bytes[place] ^= change;
                refused += usize::from(read_bytes(&bytes).is_err());
            }
        }
    }
    assert!(refused > 1000, "{refused}");
}
