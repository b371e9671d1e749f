//! Looking names up in explicit registries, and offering the nearest one when there is none.

use thiserror::Error;

/// A name that no registry entry has.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("unknown {kind} `{name}`")]
pub struct UnknownName {
    /// What was looked for, e.g. `method`.
    pub kind: &'static str,
    /// The name as given.
    pub name: String,
    /// All names that would have been valid.
    pub valid: Vec<String>,
}

impl UnknownName {
    /// The nearest valid name, or all of them.
    pub fn hint(&self) -> String {
        match nearest(&self.name, self.valid.iter().map(String::as_str)) {
            Some(name) => format!("did you mean `{name}`?"),
            None => format!("valid names: {}", self.valid.join(", ")),
        }
    }
}

/// An entry of a registry.
pub trait Named {
    /// The name: file stem, TOML key and what the user types.
    fn name(&self) -> &'static str;
}

/// Finds an entry by name.
///
/// # Errors
/// [`UnknownName`] with all valid names.
pub fn find<'a, T: Named>(kind: &'static str, entries: &'a [T], name: &str) -> Result<&'a T, UnknownName> {
    entries.iter().find(|e| e.name() == name).ok_or_else(|| UnknownName {
        kind,
        name: name.to_owned(),
        valid: entries.iter().map(|e| e.name().to_owned()).collect(),
    })
}

/// The valid name nearest to `given`, if one is near enough to be meant.
pub fn nearest<'a>(given: &str, valid: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let normal = |s: &str| s.to_lowercase().replace('_', "-");
    let given = normal(given);
    let scored = valid.map(|v| {
        let name = normal(v);
        let tail = match (given.rsplit_once('.'), name.rsplit_once('.')) {
            // A section that is right says nothing of a field that is not.
            (Some((s, f)), Some((section, field))) => {
                let parts = strsim::jaro_winkler(s, section).min(strsim::jaro_winkler(f, field));
                return (v, parts);
            }
            // `learning_rat` for `train.learning_rate`.
            (None, Some((_, field))) => strsim::jaro_winkler(&given, field) - 0.02,
            _ => 0.0,
        };
        // Short names: one slip, a swap included, is a near miss whatever its share of the letters.
        let slip = if strsim::damerau_levenshtein(&given, &name) == 1 { 0.85 } else { 0.0 };
        (v, strsim::jaro_winkler(&given, &name).max(tail).max(slip))
    });
    let (name, score) = scored.max_by(|a, b| a.1.total_cmp(&b.1))?;
    (score > 0.8).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offers_the_nearest_or_nothing() {
        let names = ["grad-ascent", "grad-diff", "npo"];
        assert_eq!(nearest("grad_dif", names.into_iter()), Some("grad-diff"));
        assert_eq!(nearest("nop", names.into_iter()), Some("npo"));
        assert_eq!(nearest("zzz", names.into_iter()), None);
    }
}
