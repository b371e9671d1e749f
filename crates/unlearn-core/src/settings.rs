//! `--set path.to.field=value`: overriding one field of a TOML tree.

use toml::{Table, Value};

use crate::recipe::RecipeError;

/// Applies one assignment to a table. The value is read as TOML; what is no TOML value is a string.
///
/// # Errors
/// When there is no `=`, a key is empty, or the path runs through something that is no table.
pub fn assign(table: &mut Table, assignment: &str) -> Result<(), RecipeError> {
    let malformed = || RecipeError::Assignment { assignment: assignment.to_owned() };
    let (path, value) = assignment.split_once('=').ok_or_else(malformed)?;
    let keys: Vec<&str> = path.trim().split('.').collect();
    if keys.iter().any(|k| k.is_empty()) {
        return Err(malformed());
    }
    let (last, parents) = keys.split_last().ok_or_else(malformed)?;
    let mut at = table;
    for key in parents {
        let entry = at.entry(key.to_string()).or_insert_with(|| Value::Table(Table::new()));
        at = entry.as_table_mut().ok_or_else(malformed)?;
    }
    at.insert(last.to_string(), parse(value.trim()));
    Ok(())
}

fn parse(text: &str) -> Value {
    toml::from_str::<Table>(&format!("v = {text}"))
        .ok()
        .and_then(|mut t| t.remove("v"))
        .unwrap_or_else(|| Value::String(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_keep_their_types() {
        let mut table = Table::new();
        for a in ["train.steps=3", "train.shuffle = false", "train.clip=none", "eval.metrics=[\"rouge\"]", "seed=7"] {
            assign(&mut table, a).expect("valid assignment");
        }
        let text = toml::to_string(&table).expect("a table");
        assert!(text.contains("steps = 3") && text.contains("shuffle = false"), "{text}");
        assert!(text.contains("clip = \"none\"") && text.contains("metrics = [\"rouge\"]"), "{text}");
    }

    #[test]
    fn malformed_assignments_are_refused() {
        let mut table = Table::new();
        for a in ["train.steps", "=3", "a..b=1"] {
            assert!(assign(&mut table, a).is_err(), "{a}");
        }
        assign(&mut table, "seed=7").expect("valid");
        assert!(assign(&mut table, "seed.x=1").is_err(), "a number is no table");
    }
}
