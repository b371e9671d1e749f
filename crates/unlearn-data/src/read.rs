//! Reading data files: `.jsonl`, `.json` (an array or lines), `.csv`, `.parquet`, `.txt`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Map, Value};
use unlearn_core::file;

use crate::{Content, DataError, Row, parquet};

type Items<'a> = Box<dyn Iterator<Item = Result<(usize, Value), DataError>> + 'a>;

/// Reads every row of a file, at most `limit`.
///
/// # Errors
/// Names the file, and the line of the first row that cannot be used. An empty file is an error.
pub fn rows(path: &Path, limit: Option<usize>) -> Result<Vec<Row>, DataError> {
    let shared = Arc::new(path.to_owned());
    let kind = extension(path);
    let mut rows = if kind == "parquet" {
        parquet::values(path)?.into_iter().map(|(n, value)| row(value, &shared, n)).collect::<Result<Vec<_>, _>>()?
    } else {
        let text = file::read_text(path)?;
        match kind.as_str() {
            "txt" => text_rows(unmarked(&text), &shared),
            kind => items(unmarked(&text), kind, &shared)?
                .map(|item| item.and_then(|(line, value)| row(value, &shared, line)))
                .collect::<Result<Vec<_>, _>>()?,
        }
    };
    if rows.is_empty() {
        return Err(DataError::Empty { path: path.to_owned() });
    }
    rows.truncate(limit.unwrap_or(usize::MAX));
    Ok(rows)
}

/// Reads every value of a file of any fields, with its line (of an array: its place), from 1.
///
/// # Errors
/// As [`rows`].
pub fn values(path: &Path) -> Result<Vec<(usize, Value)>, DataError> {
    if extension(path) == "parquet" {
        return filled(path, Box::new(parquet::values(path)?.into_iter().map(Ok)));
    }
    let shared = Arc::new(path.to_owned());
    let text = file::read_text(path)?;
    filled(path, items(unmarked(&text), &extension(path), &shared)?)
}

/// [`values`] of a CSV file whose columns have these names, whether or not they stand in its first line.
///
/// # Errors
/// As [`rows`].
pub fn table(path: &Path, names: &[&str]) -> Result<Vec<(usize, Value)>, DataError> {
    let shared = Arc::new(path.to_owned());
    let text = file::read_text(path)?;
    let text = unmarked(&text);
    let first = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes()).into_records().next();
    // A line of data may hold one of the names, but hardly its first and its last.
    let ends = names.first().into_iter().chain(names.last());
    let named = first.and_then(Result::ok).is_some_and(|r| ends.clone().all(|name| r.iter().any(|cell| cell == *name)));
    filled(path, csv_items(text, &shared, if named { None } else { Some(names) })?)
}

fn filled(path: &Path, items: Items<'_>) -> Result<Vec<(usize, Value)>, DataError> {
    let values = items.collect::<Result<Vec<_>, _>>()?;
    if values.is_empty() { Err(DataError::Empty { path: path.to_owned() }) } else { Ok(values) }
}

fn extension(path: &Path) -> String {
    path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_lowercase()
}

/// The text without its byte order mark.
fn unmarked(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

fn items<'a>(text: &'a str, kind: &str, path: &'a Arc<PathBuf>) -> Result<Items<'a>, DataError> {
    match kind {
        "jsonl" => Ok(json_lines(text, path)),
        "json" if text.trim_start().starts_with('[') => json_array(text, path),
        "json" => Ok(json_lines(text, path)),
        "csv" => csv_items(text, path, None),
        _ => Err(DataError::Kind { path: path.to_path_buf() }),
    }
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

fn row(value: Value, path: &Arc<PathBuf>, line: usize) -> Result<Row, DataError> {
    match value {
        Value::Object(o) => Row::from_json(&o, path, line).map_err(|reason| bad(path, line, reason)),
        // A file of bare texts, as corpora are published.
        Value::String(text) => Ok(Row::text(text).at(path, line)),
        other => Err(bad(path, line, format!("the row is not an object but {other}"))),
    }
}

fn json_lines<'a>(text: &'a str, path: &'a Arc<PathBuf>) -> Items<'a> {
    let filled = text.lines().enumerate().filter(|(_, l)| !l.trim().is_empty());
    Box::new(filled.map(|(i, l)| {
        let value = serde_json::from_str(l).map_err(|e| bad(path, i + 1, not_json(&e)))?;
        Ok((i + 1, value))
    }))
}

/// A row is one line, so that the parser's own count of lines would mislead.
fn not_json(e: &serde_json::Error) -> String {
    format!("not JSON: {e}").replace(" at line 1 column", " at column")
}

fn json_array<'a>(text: &str, path: &Arc<PathBuf>) -> Result<Items<'a>, DataError> {
    let values: Vec<Value> = serde_json::from_str(text).map_err(|e| bad(path, e.line(), format!("not JSON: {e}")))?;
    Ok(Box::new(values.into_iter().enumerate().map(|(i, value)| Ok((i + 1, value)))))
}

fn csv_items<'a>(text: &'a str, path: &'a Arc<PathBuf>, names: Option<&[&str]>) -> Result<Items<'a>, DataError> {
    let mut reader = csv::ReaderBuilder::new().has_headers(names.is_none()).from_reader(text.as_bytes());
    let headers = match names {
        Some(names) => names.iter().copied().collect(),
        None => reader.headers().map_err(|e| bad(path, 1, e))?.clone(),
    };
    Ok(Box::new(reader.into_records().map(move |record| {
        let record = record.map_err(|e| bad(path, e.position().map_or(0, |p| p.line() as usize), &e))?;
        let line = record.position().map_or(0, |p| p.line() as usize);
        if record.len() != headers.len() {
            return Err(bad(path, line, format!("{} cells instead of {}", record.len(), headers.len())));
        }
        let filled = headers.iter().zip(&record).filter(|(_, v)| !v.is_empty());
        let mut object: Map<String, Value> = filled.map(|(k, v)| (k.to_owned(), csv_value(k, v))).collect();
        if object.contains_key("choices") || object.contains_key("choice0") {
            count_answer(&mut object);
        }
        Ok((line, Value::Object(object)))
    })))
}

/// Every cell is text, so that the number of the right choice has to be made one.
fn count_answer(object: &mut Map<String, Value>) {
    let index = object.get("answer").and_then(Value::as_str).and_then(|a| a.parse::<u64>().ok());
    if let Some(index) = index {
        object.insert("answer".into(), index.into());
    }
}

/// Lists (`perturbed_answer`, `choices`, `messages`, `input_ids`, `labels`) stand in a CSV cell as JSON.
fn csv_value(key: &str, cell: &str) -> Value {
    let is_list = matches!(key, "perturbed_answer" | "choices" | "messages" | "input_ids" | "labels");
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
            rows.push(Row::text(line).at(path, i + 1));
            open = true;
        }
    }
    rows
}
