//! Rows of multiple choice: `{question, choices: […], answer}`, or with a field for each choice, `choice0`, `choice1`, …

use serde_json::{Map, Value};

use crate::row::{text, texts};

/// What a row gives to choose from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Choices {
    /// Every choice.
    pub all: Vec<String>,
    /// The text of the right one.
    pub right: String,
}

/// The choices of a row; `None` where it has none.
pub(crate) fn of(o: &Map<String, Value>) -> Result<Option<Choices>, String> {
    let all = match o.get("choices") {
        Some(Value::Null) | None => numbered(o)?,
        Some(_) => texts(o, "choices")?,
    };
    if all.is_empty() && o.get("choices").is_none_or(Value::is_null) {
        return Ok(None);
    }
    if all.len() < 2 {
        return Err(format!("field `choices` holds {} of the two or more to choose from", all.len()));
    }
    let right = right(o, &all)?;
    Ok(Some(Choices { right: all[right].clone(), all }))
}

/// The fields `choice0`, `choice1`, … in their order.
fn numbered(o: &Map<String, Value>) -> Result<Vec<String>, String> {
    let mut all = Vec::new();
    while let Some(choice) = text(o, &format!("choice{}", all.len()))? {
        all.push(choice);
    }
    let number = |key: &String| key.strip_prefix("choice")?.parse::<usize>().ok();
    let gap = o.iter().filter(|(_, value)| !value.is_null()).filter_map(|(key, _)| number(key)).any(|n| n >= all.len());
    if gap {
        return Err(format!("the row has no field `choice{}` but a later one", all.len()));
    }
    Ok(all)
}

/// Which choice `answer` means: by its index from 0, its letter, or its text.
fn right(o: &Map<String, Value>, all: &[String]) -> Result<usize, String> {
    let last = all.len() - 1;
    match o.get("answer") {
        None | Some(Value::Null) => Err("the row has a field `choices` but no field `answer`".into()),
        Some(Value::Number(n)) => n
            .as_u64()
            .and_then(|n| usize::try_from(n).ok())
            .filter(|&n| n <= last)
            .ok_or_else(|| format!("field `answer` is {n}, and choices are counted from 0 to {last}")),
        Some(Value::String(answer)) => by_text(answer, all),
        Some(other) => Err(format!("field `answer` is neither an index, a letter nor one of the choices but {other}")),
    }
}

fn by_text(answer: &str, all: &[String]) -> Result<usize, String> {
    let letter = match answer.as_bytes() {
        [letter @ b'A'..=b'Z'] => Some(usize::from(letter - b'A')).filter(|&n| n < all.len()),
        _ => None,
    };
    let mut same = (0..all.len()).filter(|&i| all[i] == answer);
    match (letter, same.next(), same.next()) {
        (_, Some(_), Some(_)) => Err(format!("field `answer` is `{answer}`, which is more than one of the choices")),
        (Some(n), Some(i), None) if n != i => {
            Err(format!("field `answer` is `{answer}`, the letter of one choice and the text of another"))
        }
        (Some(n), ..) | (None, Some(n), None) => Ok(n),
        (None, None, _) => {
            Err(format!("field `answer` is `{answer}`, neither one of the choices nor the letter of one"))
        }
    }
}
