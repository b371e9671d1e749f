//! Reading data files: `.jsonl`, `.json` (an array or lines), `.csv`, `.txt`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Map, Value};
use unlearn_core::file;

use crate::{Content, DataError, Row};

/// Reads every row of a file, at most `limit`.
///
/// # Errors
/// Names the file, and the line of the first row that cannot be used. An empty file is an error.
pub fn rows(path: &Path, limit: Option<usize>) -> Result<Vec<Row>, DataError> {
    let shared = Arc::new(path.to_owned());
    let text = file::read_text(path)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_lowercase();
    let mut rows = match extension.as_str() {
        "jsonl" => json_lines(text, &shared)?,
        "json" if text.trim_start().starts_with('[') => json_array(text, &shared)?,
        "json" => json_lines(text, &shared)?,
        "csv" => csv_rows(text, &shared)?,
        "txt" => text_rows(text, &shared),
        _ => return Err(DataError::Kind { path: path.to_owned() }),
    };
    if rows.is_empty() {
        return Err(DataError::Empty { path: path.to_owned() });
    }
    rows.truncate(limit.unwrap_or(usize::MAX));
    Ok(rows)
}

/// [`rows`] of several files, one after the other; `limit` holds for each.
///
/// # Errors
/// As [`rows`].
pub fn all_rows(paths: &[PathBuf], limit: Option<usize>) -> Result<Vec<Row>, DataError> {
    let mut all = Vec::new();
    for path in paths {
        all.extend(rows(path, limit)?);
    }
    Ok(all)
}

fn bad(path: &Arc<PathBuf>, line: usize, reason: impl ToString) -> DataError {
    DataError::Row { path: path.to_path_buf(), line, reason: reason.to_string() }
}

fn object_row(value: Value, path: &Arc<PathBuf>, line: usize) -> Result<Row, DataError> {
    match value {
        Value::Object(o) => Row::from_json(&o, path, line).map_err(|reason| bad(path, line, reason)),
        other => Err(bad(path, line, format!("the row is not an object but {other}"))),
    }
}

fn json_lines(text: &str, path: &Arc<PathBuf>) -> Result<Vec<Row>, DataError> {
    let filled = text.lines().enumerate().filter(|(_, l)| !l.trim().is_empty());
    filled
        .map(|(i, l)| {
            let value = serde_json::from_str(l).map_err(|e| bad(path, i + 1, not_json(&e)))?;
            object_row(value, path, i + 1)
        })
        .collect()
}

/// A row is one line, so that the parser's own count of lines would mislead.
fn not_json(e: &serde_json::Error) -> String {
    format!("not JSON: {e}").replace(" at line 1 column", " at column")
}

fn json_array(text: &str, path: &Arc<PathBuf>) -> Result<Vec<Row>, DataError> {
    let values: Vec<Value> = serde_json::from_str(text).map_err(|e| bad(path, e.line(), format!("not JSON: {e}")))?;
    values.into_iter().enumerate().map(|(i, v)| object_row(v, path, i + 1)).collect()
}

fn csv_rows(text: &str, path: &Arc<PathBuf>) -> Result<Vec<Row>, DataError> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let headers = reader.headers().map_err(|e| bad(path, 1, e))?.clone();
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|e| bad(path, e.position().map_or(0, |p| p.line() as usize), &e))?;
        let line = record.position().map_or(0, |p| p.line() as usize);
        let filled = headers.iter().zip(&record).filter(|(_, v)| !v.is_empty());
        let object: Map<String, Value> = filled.map(|(k, v)| (k.to_owned(), csv_value(k, v))).collect();
        rows.push(object_row(Value::Object(object), path, line)?);
    }
    Ok(rows)
}

/// Lists (`perturbed_answer`, `messages`, `input_ids`, `labels`) stand in a CSV cell as JSON.
fn csv_value(key: &str, cell: &str) -> Value {
    let is_list = matches!(key, "perturbed_answer" | "messages" | "input_ids" | "labels");
    let parsed = if is_list { serde_json::from_str(cell).ok() } else { None };
    parsed.unwrap_or_else(|| Value::String(cell.to_owned()))
}

/// A text file's rows are its paragraphs: blocks between empty lines.
fn text_rows(text: &str, path: &Arc<PathBuf>) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    let mut open = false;
    for (i, line) in text.lines().enumerate() {
        if line.trim().is_empty() {
            open = false;
        } else if let (true, Some(Row { content: Content::Text(t), .. })) = (open, rows.last_mut()) {
            t.push('\n');
            t.push_str(line);
        } else {
            let mut row = Row::question("", "");
            (row.path, row.line, row.content) = (Arc::clone(path), i + 1, Content::Text(line.to_owned()));
            rows.push(row);
            open = true;
        }
    }
    rows
}
