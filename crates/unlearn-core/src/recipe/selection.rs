//! Which parameters are trained, and how the others are kept.

use serde::{Deserialize, Serialize};

use super::RecipeError;

/// Whether weights themselves are trained, or adapters beside them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AdapterKind {
    /// The weights themselves.
    #[default]
    None,
    /// Low-rank adapters (Hu et al., 2021); `[train.lora]` says which.
    Lora,
}

/// How frozen matrices are kept in memory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Frozen {
    /// In the checkpoint's own format, which loses nothing.
    #[default]
    Own,
    /// As 32-bit floats.
    F32,
    /// As 16-bit floats.
    F16,
    /// As the upper halves of 32-bit floats.
    Bf16,
    /// As 8-bit integers in blocks of 32 with a scale.
    Q8,
}

/// `[train.lora]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LoraSection {
    /// Width of the adapters.
    pub rank: usize,
    /// What they add is multiplied by `alpha / rank`.
    pub alpha: f64,
    /// Share of an adapter's input that is dropped in training.
    pub dropout: f64,
    /// Multiply by `alpha / sqrt(rank)` instead (Kalajdzievski, 2023).
    pub rslora: bool,
    /// Linear layers by name pattern; `all-linear` is all inside blocks.
    pub targets: Vec<String>,
}

impl Default for LoraSection {
    fn default() -> Self {
        Self { rank: 16, alpha: 32.0, dropout: 0.0, rslora: false, targets: vec!["all-linear".into()] }
    }
}

impl LoraSection {
    /// What `B·A` is multiplied by.
    #[must_use]
    pub fn scale(&self) -> f64 {
        let rank = self.rank as f64;
        self.alpha / if self.rslora { rank.sqrt() } else { rank }
    }

    /// What makes no sense of its fields: the field, its value, and why.
    #[must_use]
    pub fn wrong(&self) -> Option<(&'static str, String, &'static str)> {
        if self.rank == 0 {
            return Some(("lora.rank", "0".into(), "it must be at least 1"));
        }
        if !(self.alpha > 0.0 && self.alpha.is_finite()) {
            return Some(("lora.alpha", self.alpha.to_string(), "it must be positive"));
        }
        if !(0.0..1.0).contains(&self.dropout) {
            return Some(("lora.dropout", self.dropout.to_string(), "it must lie from 0 to below 1"));
        }
        self.targets.is_empty().then(|| ("lora.targets", "[]".into(), "it must name something"))
    }

    pub(super) fn check(&self) -> Result<(), RecipeError> {
        match self.wrong() {
            Some((field, value, why)) => Err(RecipeError::value(format!("train.{field}"), value, why)),
            None => Ok(()),
        }
    }
}

/// A choice of layers, counted from 0: `"all"`, `7`, `[4, 5]`, `"4-7"`, `"0-3, 10"`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "toml::Value", into = "toml::Value")]
pub struct Layers(Vec<[usize; 2]>);

impl Layers {
    /// Whether it holds a layer.
    #[must_use]
    pub fn holds(&self, layer: usize) -> bool {
        self.all() || self.0.iter().any(|[first, last]| (*first..=*last).contains(&layer))
    }

    /// Whether it holds all, and what belongs to no layer too.
    #[must_use]
    pub fn all(&self) -> bool {
        self.0.is_empty()
    }

    /// The largest that is named.
    #[must_use]
    pub fn largest(&self) -> Option<usize> {
        self.0.iter().map(|[_, last]| *last).max()
    }
}

impl TryFrom<toml::Value> for Layers {
    type Error = String;
    fn try_from(value: toml::Value) -> Result<Self, String> {
        let bad = || format!("`layers` is \"all\", a number, a list of numbers or a text as \"4-7\", not {value}");
        let one = |v: &toml::Value| v.as_integer().and_then(|n| usize::try_from(n).ok()).map(|n| [n, n]);
        match &value {
            toml::Value::String(s) if s == "all" => Ok(Self::default()),
            toml::Value::String(s) => {
                let range = |part: &str| -> Option<[usize; 2]> {
                    let (first, last) = part.split_once('-').unwrap_or((part, part));
                    let range = [first.trim().parse().ok()?, last.trim().parse().ok()?];
                    (range[0] <= range[1]).then_some(range)
                };
                s.split(',').map(range).collect::<Option<Vec<_>>>().map(Self).ok_or_else(bad)
            }
            toml::Value::Integer(_) => one(&value).map(|n| Self(vec![n])).ok_or_else(bad),
            toml::Value::Array(a) if !a.is_empty() => {
                a.iter().map(one).collect::<Option<Vec<_>>>().map(Self).ok_or_else(bad)
            }
            _ => Err(bad()),
        }
    }
}

impl From<Layers> for toml::Value {
    fn from(layers: Layers) -> Self {
        let part = |[first, last]: &[usize; 2]| match first == last {
            true => first.to_string(),
            false => format!("{first}-{last}"),
        };
        match layers.all() {
            true => "all".into(),
            false => layers.0.iter().map(part).collect::<Vec<_>>().join(", ").into(),
        }
    }
}

/// A number of bytes: `4000000000`, `"4GB"`, `"512 MiB"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "toml::Value", into = "toml::Value")]
pub struct Bytes(pub u64);

impl std::str::FromStr for Bytes {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let at = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let unit = match text[at..].trim().to_ascii_lowercase().as_str() {
            "" | "b" => 1.0,
            "k" | "kb" => 1e3,
            "m" | "mb" => 1e6,
            "g" | "gb" => 1e9,
            "kib" => 1024.0,
            "mib" => 1024.0 * 1024.0,
            "gib" => 1024.0 * 1024.0 * 1024.0,
            _ => f64::NAN,
        };
        let bytes = text[..at].parse::<f64>().unwrap_or(f64::NAN) * unit;
        if (0.0..1e18).contains(&bytes) {
            Ok(Self(bytes as u64))
        } else {
            Err(format!("`{text}` is not a size as `4GB` or `512MiB`"))
        }
    }
}

impl TryFrom<toml::Value> for Bytes {
    type Error = String;
    fn try_from(value: toml::Value) -> Result<Self, String> {
        match &value {
            toml::Value::String(s) => s.parse(),
            other => other.to_string().parse(),
        }
    }
}

impl From<Bytes> for toml::Value {
    fn from(bytes: Bytes) -> Self {
        i64::try_from(bytes.0).unwrap_or(i64::MAX).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_in_every_spelling() {
        let of = |v: toml::Value| Layers::try_from(v);
        assert!(of("all".into()).expect("all").holds(99));
        for (value, inside, outside) in
            [(toml::Value::from(7), 7, 6), ("4-7".into(), 5, 8), ("0-3, 10".into(), 10, 4), (vec![1, 3].into(), 3, 2)]
        {
            let layers = of(value).expect("valid");
            assert!(layers.holds(inside) && !layers.holds(outside), "{layers:?}");
            assert_eq!(of(layers.clone().into()).expect("its own"), layers);
        }
        for bad in ["", "7-4", "a", "1-", "-1"] {
            assert!(of(bad.into()).is_err(), "{bad}");
        }
    }

    #[test]
    fn sizes_with_units() {
        for (text, bytes) in [("4GB", 4_000_000_000), ("512 MiB", 512 << 20), ("17", 17), ("1.5k", 1500)] {
            assert_eq!(text.parse::<Bytes>().expect("a size").0, bytes, "{text}");
        }
        for bad in ["", "GB", "-1", "4 lightyears", "1e9"] {
            assert!(bad.parse::<Bytes>().is_err(), "{bad}");
        }
    }
}
