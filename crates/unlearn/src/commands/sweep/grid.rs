//! The grid of a sweep: fields with their values, and every combination of them.

use std::collections::BTreeSet;

use anyhow::Result;
use unlearn_core::digest::Hasher;

use crate::failure::Refusal;

/// Characters of a folder's name; longer ones are cut and get a digest.
const LONGEST: usize = 120;

/// A field and the values that it takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Axis {
    pub field: String,
    pub values: Vec<String>,
}

/// One value for each field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Combination {
    /// The name of its folder: it depends on the fields and their values alone.
    pub name: String,
    pub fields: Vec<(String, String)>,
}

impl Combination {
    /// The fields as assignments.
    pub fn assignments(&self) -> Vec<String> {
        self.fields.iter().map(|(field, value)| format!("{field}={value}")).collect()
    }
}

/// Reads `--grid a.b=1,2` and its like.
pub fn parse(grids: &[String]) -> Result<Vec<Axis>> {
    let mut axes: Vec<Axis> = Vec::new();
    for grid in grids {
        let refuse = |why: String| -> anyhow::Error {
            Refusal::new(format!("`--grid {grid}` {why}"), "for example `--grid train.learning_rate=1e-5,2e-5`").into()
        };
        let given = grid.split_once('=').map(|(field, values)| (field.trim(), split(values)));
        let Some((field, values)) = given.filter(|(f, v)| !f.is_empty() && v.iter().all(|v| !v.is_empty())) else {
            return Err(refuse("is not of the form `FIELD=VALUE,VALUE`".into()));
        };
        if axes.iter().any(|axis| axis.field == field) {
            return Err(refuse(format!("names `{field}` a second time")));
        }
        let mut seen = BTreeSet::new();
        if let Some(twice) = values.iter().find(|v| !seen.insert(v.as_str())) {
            return Err(refuse(format!("has the value `{twice}` twice")));
        }
        axes.push(Axis { field: field.to_owned(), values });
    }
    Ok(axes)
}

/// Cuts at the commas that stand in no brackets and no quotes.
fn split(values: &str) -> Vec<String> {
    let (mut parts, mut depth, mut quote) = (vec![String::new()], 0, None);
    for c in values.chars() {
        match (c, quote) {
            ('"' | '\'', None) => quote = Some(c),
            (c, Some(q)) if c == q => quote = None,
            ('[' | '{', None) => depth += 1,
            (']' | '}', None) => depth -= 1,
            (',', None) if depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        if let Some(last) = parts.last_mut() {
            last.push(c);
        }
    }
    parts.into_iter().map(|p| p.trim().to_owned()).collect()
}

/// Every combination; the last field changes fastest.
pub fn combinations(axes: &[Axis]) -> Vec<Combination> {
    let mut all: Vec<Vec<(String, String)>> = vec![Vec::new()];
    for axis in axes {
        let with = |fields: &Vec<(String, String)>, value: &String| {
            [fields.as_slice(), &[(axis.field.clone(), value.clone())]].concat()
        };
        all = all.iter().flat_map(|fields| axis.values.iter().map(move |value| with(fields, value))).collect();
    }
    all.into_iter().map(|fields| Combination { name: name(&fields), fields }).collect()
}

fn name(fields: &[(String, String)]) -> String {
    let last = |field: &str| field.rsplit('.').next().unwrap_or(field).to_owned();
    let label = |field: &String| match fields.iter().filter(|(f, _)| last(f) == last(field)).count() {
        1 => last(field),
        _ => field.clone(),
    };
    let plain = fields.iter().map(|(f, v)| format!("{}={v}", label(f))).collect::<Vec<_>>().join("_");
    let kept = |c: char| if c.is_ascii_alphanumeric() || "=_.+-".contains(c) { c } else { '-' };
    let safe: String = plain.chars().map(kept).take(LONGEST).collect();
    if safe == plain {
        return safe;
    }
    // What was lost must not make two names the same.
    let mut hasher = Hasher::default();
    hasher.field(plain.as_bytes());
    format!("{safe}-{}", &hasher.hex()[..8])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(grids: &[&str]) -> Vec<String> {
        let grids: Vec<String> = grids.iter().map(ToString::to_string).collect();
        combinations(&parse(&grids).expect("valid")).into_iter().map(|c| c.name).collect()
    }

    #[test]
    fn the_last_field_changes_fastest() {
        let expected = ["beta=1_rate=x", "beta=1_rate=y", "beta=2_rate=x", "beta=2_rate=y"];
        assert_eq!(names(&["method.beta=1,2", "train.rate=x, y"]), expected);
        assert_eq!(names(&["a.alpha=1", "b.alpha=2"]), ["a.alpha=1_b.alpha=2"]);
    }

    #[test]
    fn commas_in_brackets_and_quotes_belong_to_the_value() {
        let axes = parse(&[r#"train.layers="0-3, 10",[4, 5],all"#.to_owned()]).expect("valid");
        assert_eq!(axes[0].values, ["\"0-3, 10\"", "[4, 5]", "all"]);
        let names = names(&["model.path=a/b,a-b"]);
        assert_ne!(names[0], names[1]);
        assert!(names[0].starts_with("path=a-b-"), "{names:?}");
    }

    #[test]
    fn what_is_no_grid_is_refused() {
        for bad in [&["a.b"][..], &["=1"], &["a="], &["a=1,"], &["a=1,1"], &["a=1", "a=2"]] {
            let grids: Vec<String> = bad.iter().map(ToString::to_string).collect();
            assert!(parse(&grids).is_err(), "{bad:?}");
        }
    }
}
