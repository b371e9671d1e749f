//! Parquet files as the values that JSON lines would hold. What such a file says of itself is not trusted.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use parquet::basic::Compression;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::reader::RowIter;
use parquet::record::{Field, Row};
use serde_json::{Map, Number, Value};
use unlearn_core::FileError;

use crate::DataError;

/// Every row of a file as an object, with its number from 1. A field without a value is left out.
///
/// # Errors
/// When the file is no whole parquet file, and when a column holds neither text nor numbers or is compressed otherwise
/// than by snappy or gzip.
pub(crate) fn values(path: &Path) -> Result<Vec<(usize, Value)>, DataError> {
    let file = File::open(path).map_err(|e| FileError::read(path, e))?;
    let damaged = |reason: String| DataError::Parquet { path: path.to_owned(), reason };
    // The reader panics where the levels or the schema of a damaged file contradict each other.
    let read = catch_unwind(AssertUnwindSafe(|| {
        let reader = SerializedFileReader::new(file).map_err(|e| damaged(e.to_string()))?;
        check(&reader, path)?;
        let rows = RowIter::from_file_into(Box::new(reader)).enumerate();
        rows.map(|(i, row)| Ok((i + 1, object(row.map_err(|e| damaged(e.to_string()))?, path)?))).collect()
    }));
    read.unwrap_or_else(|_| Err(damaged("its parts contradict each other".into())))
}

/// Refuses what would be read without end or not at all.
fn check(reader: &SerializedFileReader<File>, path: &Path) -> Result<(), DataError> {
    let metadata = reader.metadata();
    if metadata.file_metadata().schema_descr().num_columns() == 0 {
        return Err(DataError::Parquet { path: path.to_owned(), reason: "it has no columns".into() });
    }
    for column in metadata.row_groups().iter().flat_map(|group| group.columns()) {
        if !matches!(column.compression(), Compression::UNCOMPRESSED | Compression::SNAPPY | Compression::GZIP(_)) {
            let reason = format!("it is compressed by {}", column.compression());
            return Err(unreadable(path, column.column_path().string(), reason));
        }
    }
    Ok(())
}

fn unreadable(path: &Path, column: String, reason: impl Into<String>) -> DataError {
    DataError::Column { path: path.to_owned(), column, reason: reason.into() }
}

fn object(row: Row, path: &Path) -> Result<Value, DataError> {
    fields(row, "", &|column, reason| unreadable(path, column, reason))
}

type Refuse<'a> = &'a dyn Fn(String, &'static str) -> DataError;

fn fields(row: Row, outer: &str, refuse: Refuse<'_>) -> Result<Value, DataError> {
    let mut object = Map::new();
    for (name, field) in row.into_columns() {
        let column = if outer.is_empty() { name.clone() } else { format!("{outer}.{name}") };
        let value = value(field, &column, refuse)?;
        if !value.is_null() {
            object.insert(name, value);
        }
    }
    Ok(Value::Object(object))
}

fn value(field: Field, column: &str, refuse: Refuse<'_>) -> Result<Value, DataError> {
    let float = |x: f64| Number::from_f64(x).map_or(Value::Null, Value::Number);
    Ok(match field {
        Field::Null => Value::Null,
        Field::Bool(x) => x.into(),
        Field::Byte(x) => x.into(),
        Field::Short(x) => x.into(),
        Field::Int(x) => x.into(),
        Field::Long(x) => x.into(),
        Field::UByte(x) => x.into(),
        Field::UShort(x) => x.into(),
        Field::UInt(x) => x.into(),
        Field::ULong(x) => x.into(),
        Field::Float16(x) => float(x.into()),
        Field::Float(x) => float(x.into()),
        Field::Double(x) => float(x),
        Field::Str(text) => text.into(),
        Field::Group(row) => fields(row, column, refuse)?,
        Field::ListInternal(list) => {
            let elements = list.elements().iter().cloned().map(|field| value(field, column, refuse));
            Value::Array(elements.collect::<Result<_, _>>()?)
        }
        Field::Bytes(_) => return Err(refuse(column.to_owned(), "it holds bytes that are not marked as text")),
        Field::MapInternal(_) => return Err(refuse(column.to_owned(), "it holds maps")),
        Field::Decimal(_) => return Err(refuse(column.to_owned(), "it holds decimal numbers")),
        Field::Date(_)
        | Field::TimeMillis(_)
        | Field::TimeMicros(_)
        | Field::TimestampMillis(_)
        | Field::TimestampMicros(_) => return Err(refuse(column.to_owned(), "it holds dates or times")),
    })
}
